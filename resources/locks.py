"""Advisory locks of the database by which those wait for each other who must; every number in use is here."""

from typing import Any

import psycopg

MIGRATION = 7_203_115_001
"""One migration at a time."""

LOAD = 7_203_115_002
"""One load of bronze at a time."""

FOLD = 7_203_115_003
"""One fold of HL7 v2 messages at a time; taken before LOAD."""

VOCABULARY = 7_203_115_004
"""One load of the vocabulary at a time."""

SIGNING = 7_203_115_005
"""Signers of the audit log wait for each other, so that heads' numbers have no gaps and the file has their order."""

EMBEDDING = 7_203_115_006
"""One run that embeds sentences at a time."""

ADJUDICATION = 7_203_115_007
"""One run that judges care gaps at a time."""

LANDING = 7_203_115_008
"""Shared by those who land and split files; an erasure holds it alone."""

FHIR_SERVER = 7_203_115_009
"""With a server's name: one run at a time that asks it."""

FHIR_FILES = 7_203_115_010
"""Shared by those who hold files of a FHIR server that are not landed; an erasure holds it alone. Taken first."""


def hold(connection: psycopg.Connection[Any], *locks: int) -> None:
    """Wait for locks in the order given; the connection holds them until it closes."""
    for key in locks:
        connection.execute("SELECT pg_advisory_lock(%s)", (key,))


def share(connection: psycopg.Connection[Any], key: int) -> None:
    """Wait until nobody holds a lock alone, and share it until the connection closes."""
    connection.execute("SELECT pg_advisory_lock_shared(%s)", (key,))


def share_in_transaction(connection: psycopg.Connection[Any], key: int) -> None:
    """As ``share``, until the open transaction ends: for one who shares a lock again and again for a moment."""
    connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (key,))
