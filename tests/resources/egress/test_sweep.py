"""Files, names and tables with a planted text are found; those left out by design are the control."""

import shutil
import socket
from pathlib import Path

import pytest
from dnslib import DNSRecord

from resources.egress import nameserver
from resources.egress.files import sweep_files
from resources.egress.needles import Needles, new_mark, new_word
from resources.egress.tables import sweep_tables
from resources.postgres import Database
from tests.conftest import superuser
from tests.pipelines.erasure_home import hide_too_deep

MARK = new_mark()
WORD = new_word(MARK)
NEEDLES = Needles(MARK, {WORD: "family name"})


def test_a_file_is_found_by_content_and_by_name_and_its_name_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "clean.log").write_text("nothing here")
    (tmp_path / "dirty.log").write_bytes(b"x" * ((64 << 20) - 8) + WORD.encode())
    (tmp_path / WORD).mkdir()
    (tmp_path / WORD / "also.log").write_text(WORD)
    (tmp_path / "by_design").mkdir()
    (tmp_path / "by_design" / "landed").write_text(WORD)
    swept = sweep_files(NEEDLES, tmp_path, [tmp_path / "by_design"])
    assert {(finding.where, tuple(finding.kinds)) for finding in swept.findings} == {
        ("dirty.log", ("family name",)),
        ("name in .", ("family name",)),
        ("(planted)/also.log", ("family name",)),
    }
    assert swept.files == 3
    assert WORD.lower() not in repr(swept).lower()


def test_a_file_that_no_path_names_is_found(tmp_path: Path) -> None:
    """Paths are limited (PATH_MAX), folders in folders are not."""
    deep = hide_too_deep(tmp_path, WORD)
    try:
        (found,) = sweep_files(NEEDLES, tmp_path).findings
    finally:
        shutil.rmtree(deep)
    assert found.where.endswith("/hidden")
    assert found.kinds == ["family name"]


def test_a_folder_that_is_a_link_is_searched_and_one_that_is_missing_is_not(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "log").write_text(WORD)
    (tmp_path / "link").symlink_to("real")
    assert [finding.where for finding in sweep_files(NEEDLES, tmp_path / "link").findings] == ["log"]
    assert not sweep_files(NEEDLES, tmp_path / "missing").files


def test_tables_comments_and_rows_that_were_to_be_moved_on_are_found(db: Database) -> None:
    name = dict(db.parameters)["dbname"]
    with superuser(db, name) as connection:
        for statement in (
            "CREATE TABLE bronze_staging.note (n bigint)",
            "INSERT INTO bronze_staging.note VALUES (1)",
            "CREATE TABLE bronze_staging._dlt_loads (n bigint)",
            "INSERT INTO bronze_staging._dlt_loads VALUES (1)",
            f"CREATE TABLE bronze.by_design AS SELECT '{WORD}' AS a",
            f"CREATE TABLE dagster.event_logs AS SELECT convert_to('{WORD}', 'UTF8') AS a",
            f"COMMENT ON TABLE audit.event IS '{WORD}'",
            f"CREATE TABLE landing.partly AS SELECT '{WORD}' AS body, 1 AS clean",
        ):
            connection.execute(statement.encode())
        swept = sweep_tables(connection, NEEDLES, ["bronze"], {"landing.partly": ["body"]}, "bronze_staging")
    assert {finding.where for finding in swept.findings} == {
        "bronze_staging.note is not empty",
        "dagster.event_logs",
        "pg_catalog.pg_description",
    }
    assert swept.held == {"bronze.by_design": ["family name"], "landing.partly": ["family name"]}


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_the_name_server_remembers_names_and_gives_each_an_address(
    monkeypatch: pytest.MonkeyPatch, kind: socket.SocketKind
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(nameserver, "PORT", port)
    with nameserver.name_server() as names:
        for name, question in (("A.example", "A"), ("b.example", "A"), ("a.example", "AAAA")):
            query = DNSRecord.question(name, question)
            answer = DNSRecord.parse(query.send("127.0.0.1", port, tcp=kind is socket.SOCK_STREAM, timeout=5))
            expected = [names.addresses[name.lower()]] if question == "A" else []
            assert [str(record.rdata) for record in answer.rr] == expected
        assert names.addresses == {"a.example": "198.18.0.1", "b.example": "198.18.0.2"}
