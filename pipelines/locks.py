"""Advisory locks of the database by which loads, landings and erasures wait for each other."""

from typing import Any

import psycopg

LOAD = 7_203_115_002
"""One load of bronze at a time."""

FOLD = 7_203_115_003
"""One fold of HL7 v2 messages at a time; taken before LOAD."""

LANDING = 7_203_115_008
"""Shared by those who land and split files; an erasure holds it alone."""


def hold(connection: psycopg.Connection[Any], *locks: int) -> None:
    """Wait for locks in the order given; the connection holds them until it closes."""
    for key in locks:
        connection.execute("SELECT pg_advisory_lock(%s)", (key,))


def share(connection: psycopg.Connection[Any], key: int) -> None:
    """Wait until nobody holds a lock alone, and share it until the connection closes."""
    connection.execute("SELECT pg_advisory_lock_shared(%s)", (key,))
