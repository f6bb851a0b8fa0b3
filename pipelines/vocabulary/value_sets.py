"""A site's value sets: one file that replaces those it gave before."""

from typing import Any

import psycopg
from psycopg import sql

from pipelines.vocabulary.copying import copy_file
from pipelines.vocabulary.files import VocabularyFile
from pipelines.vocabulary.versions import SQL

_COLUMNS = ("oid", "name", "system", "code", "display")


def replace_value_sets(connection: psycopg.Connection[Any], file: VocabularyFile) -> bool:
    """Make the value sets those of the file; whether that changed anything.

    Args:
        connection: in a transaction.
        file: columns oid, name, system, code, display; separated by commas and quoted, or by tabs without quotes.

    Raises:
        VocabularyError: the file has other columns, or a line of it breaks a rule.
    """
    connection.execute((SQL / "create_value_set_file.sql").read_text())
    copy_file(connection, file, sql.Identifier("value_set_file"), _COLUMNS, freeze=False)
    removed = connection.execute((SQL / "delete_value_set_members.sql").read_text()).rowcount
    added = connection.execute((SQL / "insert_value_set_members.sql").read_text()).rowcount
    return removed + added > 0
