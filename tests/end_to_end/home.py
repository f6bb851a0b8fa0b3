"""A Sanctum home driven through its command line, as a user drives it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from resources.identity.session import open_service_session
from resources.postgres import Database, Role
from resources.settings import Settings, load_settings

# What a load or a run stamps with its own time or number is not part of its result.
_VOLATILE = {
    "received_at", "as_of", "version_order", "version_at", "known_from", "known_until", "superseded_row_id",
    "loaded_at", "folded_at", "quarantined_at", "changed_at", "changed_by", "created_at", "decided_at",
    "registered_at", "latency_ms", "adjudication_id", "file_id", "message_id", "record_id", "transaction_id",
    "release_id", "_load_id", "cdm_release_date", "byte_offset",
}  # fmt: skip

_RESULT_SCHEMAS = {
    Role.INGEST: ("landing", "quarantine", "bronze"),
    Role.TRANSFORM: ("omop", "features"),
}


@dataclass
class Commands:
    """The command line of one home, which need not be there yet."""

    environment: dict[str, str]

    @property
    def settings(self) -> Settings:
        """As the home's commands read them."""
        chosen = {name: value for name, value in self.environment.items() if name.startswith("SANCTUM_")}
        return load_settings(**{name.removeprefix("SANCTUM_").lower(): value for name, value in chosen.items()})

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "assets.cli", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, *arguments: str, succeeds: bool = True) -> dict[str, Any]:
        """Run a command with ``--json`` and return its one object."""
        process = self.start(*arguments, "--json")
        out, err = process.communicate(timeout=900)
        assert (process.returncode == 0) is succeeds, err.decode()[-2000:]
        lines = out.decode().splitlines()
        assert len(lines) == 1, f"not one JSON object on stdout but {len(lines)} lines"
        return dict(json.loads(lines[0]))

    def kill_when(self, reached: Callable[[], bool], *arguments: str) -> bool:
        """Start a command and kill -9 its whole group once a point is reached; False if it ended before that."""
        process = self.start(*arguments)
        while process.poll() is None:
            if reached():
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                return True
            time.sleep(0.005)
        process.communicate()
        return False


@dataclass
class Home(Commands):
    """One home; ``database`` is where its tables are."""

    database: Database

    def count(self, role: Role, query: str) -> int:
        """One number."""
        with self.database.connect(role) as connection:
            row = connection.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0

    def digest(self) -> dict[str, str]:
        """A hash of every result table's rows, whatever their order and without what a run stamps on them."""
        result: dict[str, str] = {}
        for role, schemas in _RESULT_SCHEMAS.items():
            with self.database.connect(role) as connection:
                for schema in schemas:
                    result |= _digest_schema(connection, schema)
        with open_service_session(self.settings, self.database, "embedder") as session:
            session.enter()
            result |= _digest_schema(session.connection, "retrieval")
        result["inference.adjudication"] = self._digest_decisions()
        return result

    def _digest_decisions(self) -> str:
        rows = []
        with self.database.connect(Role.TRANSFORM) as connection:
            people = connection.execute("SELECT person_id FROM omop.person ORDER BY 1").fetchall()
        with open_service_session(self.settings, self.database, "evaluator") as session:
            session.claim(person for (person,) in people)
            for (person,) in people:
                session.enter(person)
                rows += session.connection.execute(
                    "SELECT a.person_id, measure_id, prompt_sha256, decision, e.sentence_id, e.chunk_id, e.cited "
                    "FROM inference.adjudication AS a LEFT JOIN inference.adjudication_evidence AS e "
                    "USING (adjudication_id) ORDER BY 1, 2, 3, 5"
                ).fetchall()
                session.connection.commit()
        return hashlib.sha256(repr(rows).encode()).hexdigest()


def _digest_schema(connection: psycopg.Connection[Any], schema: str) -> dict[str, str]:
    tables = connection.execute(
        "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) FROM information_schema.columns "
        "JOIN information_schema.tables USING (table_schema, table_name) "
        "WHERE table_schema = %s AND table_type = 'BASE TABLE' GROUP BY 1 ORDER BY 1",
        (schema,),
    ).fetchall()
    result = {}
    for table, columns in tables:
        kept = [name for name in columns if name not in _VOLATILE]
        query = sql.SQL(
            "SELECT md5(coalesce(string_agg(r, ',' ORDER BY r), '')) FROM (SELECT row({})::text AS r FROM {}) x"
        )
        row = connection.execute(
            query.format(sql.SQL(", ").join(map(sql.Identifier, kept)), sql.Identifier(schema, table))
        ).fetchone()
        result[f"{schema}.{table}"] = row[0] if row else ""
    return result


def home_environment(path: Path, **variables: str) -> dict[str, str]:
    """The process's environment with another home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SANCTUM_")}
    return {**kept, "SANCTUM_HOME": str(path), **variables}
