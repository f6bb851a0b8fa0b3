"""A file's lines into a table by COPY; the server parses, and what it refuses is told by line, column and rule."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import psycopg
from psycopg import errors, sql

from pipelines.vocabulary.files import BLOCK, Header, VocabularyError, VocabularyFile, read_header

# An unquoted file is read with a quote that no text holds, so that names keep their quotation marks.
_NO_QUOTE = b"\x01"
# As in "COPY concept, line 3, column concept_id: …", in whatever language the server speaks.
_PLACE = re.compile(r"^COPY [^,]+, \D*(?P<line>\d+)(?:, \S+ (?P<column>\w+):)?", re.MULTILINE)
_NAMED_COLUMN = re.compile(r'"(\w+)"')
_RULES: dict[type[psycopg.Error], str] = {
    errors.NotNullViolation: "a value is required",
    errors.InvalidTextRepresentation: "it is no number",
    errors.NumericValueOutOfRange: "the number is out of range",
    errors.InvalidDatetimeFormat: "it is no date as YYYYMMDD or YYYY-MM-DD",
    errors.DatetimeFieldOverflow: "there is no such date as YYYYMMDD or YYYY-MM-DD",
    errors.CharacterNotInRepertoire: "it is no text in UTF-8",
    errors.UntranslatableCharacter: "it is no text in UTF-8",
}


@dataclass(frozen=True)
class Copied:
    """What became of a file: its bytes, hash, lines without the header, and rows.

    ``byte_length`` and ``sha256`` are of the whole content. Rows are fewer than lines where quoted text spans lines.
    """

    byte_length: int
    sha256: str
    lines: int
    rows: int


def copy_file(
    connection: psycopg.Connection[Any],
    file: VocabularyFile,
    table: sql.Identifier,
    columns: tuple[str, ...],
    *,
    freeze: bool,
    optional: tuple[str, ...] = (),
    go_on: Callable[[], bool] = lambda: True,
) -> Copied:
    """Copy a file into a table, all of it or nothing.

    Args:
        connection: in a transaction; it is aborted where this raises.
        file: what to read.
        table: where to.
        columns: the table's columns; the file has all of them but optional ones, in any order and case.
        freeze: whether the table was made in this transaction, so that every snapshot may see the rows.
        optional: columns that the file may lack.
        go_on: asked before each block.

    Raises:
        VocabularyError: the file is damaged, has other columns, or a line of it breaks a rule.
        InterruptedError: ``go_on`` said no.
        psycopg.Error: the server failed for reasons that are not the file's.
    """
    digest = hashlib.sha256()
    with file.open() as content:
        line, header = read_header(content, file.stem)
        _require_columns(file.stem, header, columns, optional)
        digest.update(line)
        reading = _Reading(content, file.stem, header, go_on, digest.update)
        with connection.cursor() as cursor:
            try:
                with cursor.copy(_statement(table, header, freeze=freeze)) as copy:
                    for block in reading.blocks():
                        copy.write(block)
            except psycopg.Error as error:
                raise _told(error, file.stem, header) from None
            rows = cursor.rowcount
    # A server that ends at a line of its own (a lone \. before PostgreSQL 18) must not pass for the whole.
    if rows > reading.lines or (header.delimiter == "\t" and rows != reading.lines):
        raise VocabularyError(f"{file.stem} has {reading.lines} lines below its header, of which {rows} became rows")
    return Copied(len(line) + reading.byte_length, digest.hexdigest(), reading.lines, rows)


def _require_columns(stem: str, header: Header, columns: tuple[str, ...], optional: tuple[str, ...]) -> None:
    found = set(header.columns)
    needed = set(columns) - set(optional)
    if len(found) < len(header.columns) or not needed <= found <= set(columns):
        may = f"; it may have {', '.join(optional)}" if optional else ""
        needs = ", ".join(name for name in columns if name in needed)
        raise VocabularyError(f"{stem} has other columns than it should; it needs {needs}{may}")


class _Reading:
    """Blocks of a file on their way, counted."""

    def __init__(
        self,
        content: IO[bytes],
        stem: str,
        header: Header,
        go_on: Callable[[], bool],
        also: Callable[[bytes], None],
    ) -> None:
        self._content, self._stem, self._unquoted = content, stem, header.delimiter == "\t"
        self._go_on, self._also = go_on, also
        self.lines = 0
        self.byte_length = 0

    def blocks(self) -> Iterator[bytes]:
        last = b"\n"
        while block := self._content.read(BLOCK):
            if not self._go_on():
                raise InterruptedError
            if self._unquoted and _NO_QUOTE in block:
                line = 2 + self.lines + block[: block.index(_NO_QUOTE)].count(b"\n")
                raise VocabularyError(f"{self._stem}, line {line}: a control character (U+0001) is no text")
            self._also(block)
            self.byte_length += len(block)
            self.lines += block.count(b"\n")
            last = block
            yield block
        # The last line may have no end.
        self.lines += not last.endswith(b"\n")


def _statement(table: sql.Identifier, header: Header, *, freeze: bool) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, header.columns))
    quote = _NO_QUOTE.decode() if header.delimiter == "\t" else '"'
    # An empty text is no value in both forms, whether quoted or not.
    return sql.SQL(
        "COPY {} ({}) FROM STDIN (FORMAT csv, DELIMITER {}, QUOTE {}, NULL '', FORCE_NULL ({}), ENCODING 'UTF8', "
        "FREEZE {})"
    ).format(table, names, sql.Literal(header.delimiter), sql.Literal(quote), names, sql.Literal(freeze))


def _told(error: psycopg.Error, stem: str, header: Header) -> Exception:
    """The error of a line without its values; any other as it is."""
    rule = next((text for kind, text in _RULES.items() if isinstance(error, kind)), None)
    message = error.diag.message_primary or ""
    column = error.diag.column_name
    if isinstance(error, errors.BadCopyFileFormat):
        found = _NAMED_COLUMN.search(message)
        column = found[1] if found and found[1] in header.columns else None
        rule = f"it has other than {len(header.columns)} fields, or its line end is not that of the others"
    if rule is None:
        return error
    place = _PLACE.search(error.diag.context or "")
    where = stem
    if place:
        # The server counts from the first line that it gets.
        where += f", line {int(place['line']) + 1}"
        column = column or place["column"]
    if column:
        where += f", column {column}"
    return VocabularyError(f"{where}: {rule}; nothing was loaded")
