"""A site's value sets: a file that replaces them all, or files that replace those they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pipelines.vocabulary.copying import copy_file
from pipelines.vocabulary.files import VocabularyError, VocabularyFile
from pipelines.vocabulary.value_set_files import ValueSet, is_csv, read_value_sets, refuse, value_set_files
from pipelines.vocabulary.versions import SQL
from resources import locks
from resources.postgres import Database, Role, without_row_values

_COLUMNS = ("oid", "name", "system", "code", "display")
_TABLE = sql.Identifier("value_set_file")


@dataclass(frozen=True)
class ValueSetReport:
    """What files of value sets held, and what became of it.

    Attributes:
        files: that were read.
        value_sets: in them.
        codes: members of these, each once a value set.
        added: members that the site's value sets have now and had not, or not under this name and display.
        removed: members that they had and have not any more.
        changed: whether anything of it is in force now; False of a dry run, and if the same was loaded before.
        value_set_members: of all value sets of the site, as they are in force now.
    """

    files: int
    value_sets: int
    codes: int
    added: int
    removed: int
    changed: bool
    value_set_members: int


def load_value_sets(database: Database, paths: Sequence[Path], *, dry_run: bool = False) -> ValueSetReport:
    """Make each value set that the files hold that of the files; the site's others stay as they are.

    Args:
        database: the warehouse.
        paths: files, and folders of them: FHIR JSON (ValueSet with an expansion, Bundle, NDJSON of either) and CSV with
            the columns oid, name, system, code and display; each may be gzip.
        dry_run: whether to do all of it and take it back.

    Raises:
        VocabularyError: files or value sets can't be used; each is named with what to do, and nothing is changed.
        resources.postgres.DatabaseUnavailableError: the database refused; nothing is changed.
    """
    files = value_set_files(paths)
    tables = [path for path in files if is_csv(path)]
    sets = read_value_sets([path for path in files if not is_csv(path)], paths)
    with without_row_values(), database.connect(Role.INGEST, autocommit=True) as connection:
        locks.hold(connection, locks.VOCABULARY)
        with connection.transaction(force_rollback=dry_run):
            connection.execute(_statement("create_value_set_file"))
            for number, path in enumerate(tables, start=1):
                connection.execute(
                    sql.SQL("ALTER TABLE {} ALTER COLUMN source SET DEFAULT {}").format(_TABLE, sql.Literal(number))
                )
                copy_file(connection, VocabularyFile(path.name, path), _TABLE, _COLUMNS, freeze=False)
            _copy_value_sets(connection, sets, len(tables) + 1)
            removed, added = _replace(connection, every=False)
            refuse(
                [
                    f"{name} ({oid}) is there more than once, with other codes: keep one of them"
                    for oid, name in connection.execute(_statement("contradicting_value_sets")).fetchall()
                ]
            )
            value_sets, codes = connection.execute(_statement("count_value_set_file")).fetchone() or (0, 0)
            if not value_sets:
                raise VocabularyError("the files hold no value set")
        counted = connection.execute("SELECT count(*) FROM vocab.value_set_member").fetchone()
    assert counted is not None
    changed = removed + added > 0 and not dry_run
    return ValueSetReport(len(files), value_sets, codes, added, removed, changed, counted[0])


def replace_value_sets(connection: psycopg.Connection[Any], file: VocabularyFile) -> bool:
    """Make the value sets those of the file; whether that changed anything.

    Args:
        connection: in a transaction.
        file: columns oid, name, system, code, display; separated by commas and quoted, or by tabs without quotes.

    Raises:
        VocabularyError: the file has other columns, or a line of it breaks a rule.
    """
    connection.execute(_statement("create_value_set_file"))
    copy_file(connection, file, _TABLE, _COLUMNS, freeze=False)
    return sum(_replace(connection, every=True)) > 0


def _replace(connection: psycopg.Connection[Any], *, every: bool) -> tuple[int, int]:
    """Members removed and added, so that those of the file, or every member, are as the file has them."""
    connection.execute(_statement("name_code_systems"))
    removed = connection.execute(_statement("delete_value_set_members"), {"every": every}).rowcount
    added = connection.execute(_statement("insert_value_set_members")).rowcount
    return removed, added


def _copy_value_sets(connection: psycopg.Connection[Any], sets: Sequence[ValueSet], source: int) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, (*_COLUMNS, "source")))
    copying = sql.SQL("COPY {} ({}) FROM STDIN").format(_TABLE, columns)
    with connection.cursor() as cursor, cursor.copy(copying) as copy:
        for one in sets:
            for member in one.members:
                copy.write_row((one.oid, one.name, member.system, member.code, member.display, source))


def _statement(name: str) -> bytes:
    return (SQL / f"{name}.sql").read_bytes()
