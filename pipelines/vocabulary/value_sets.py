"""A site's value sets: one file that replaces those it gave before."""

from typing import Any

import psycopg
from psycopg import sql

from pipelines.vocabulary.files import BLOCK, VocabularyError, VocabularyFile, read_header
from pipelines.vocabulary.versions import SQL


def replace_value_sets(connection: psycopg.Connection[Any], file: VocabularyFile) -> bool:
    """Make the value sets those of the file; whether that changed anything.

    Args:
        connection: in a transaction.
        file: columns oid, name, system, code, display; separated by commas or tabs, quoted as RFC 4180 has it.

    Raises:
        VocabularyError: the file has other columns.
    """
    connection.execute((SQL / "create_value_set_file.sql").read_text())
    with file.open() as content:
        _line, header = read_header(content, file.stem)
        if set(header.columns) != {"oid", "name", "system", "code", "display"}:
            raise VocabularyError("valuesets.csv needs the columns oid, name, system, code, display")
        statement = sql.SQL("COPY value_set_file ({}) FROM STDIN (FORMAT csv, DELIMITER {})").format(
            sql.SQL(", ").join(map(sql.Identifier, header.columns)), sql.Literal(header.delimiter)
        )
        with connection.cursor().copy(statement) as copy:
            while block := content.read(BLOCK):
                copy.write(block)
    removed = connection.execute((SQL / "delete_value_set_members.sql").read_text()).rowcount
    added = connection.execute((SQL / "insert_value_set_members.sql").read_text()).rowcount
    return removed + added > 0
