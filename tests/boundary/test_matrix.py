"""docs/access_matrix.md is what every role may really do, and holds what must never be."""

import re

import pytest

from resources.postgres import Role
from tests.boundary import matrix
from tests.boundary.conftest import Warehouse

READERS = (Role.INFER.value, Role.REVIEWER.value, Role.EMBED.value)
OF_NO_PERSON = ("omop.care_site", "omop.provider", "omop.cdm_source", "omop.metadata", "inference.model")
HOLDING_CONTENT = ("bronze.", "omop.", "features.", "retrieval.", "inference.")
KEYS_ALONE = ("omop.person_crosswalk",)


@pytest.fixture(scope="module")
def document(shared_warehouse: Warehouse) -> str:
    with shared_warehouse.superuser() as connection:
        return matrix.document(shared_warehouse.database, connection)


def cells(document: str) -> dict[tuple[str, str], str]:
    """(schema.table, role) to cell."""
    found, schema = {}, ""
    for line in document.splitlines():
        if line.startswith("## "):
            schema = line[3:]
        elif line.startswith("| ") and not line.startswith("| table"):
            name, *row = (part.strip() for part in line.strip("|").split("|"))
            found |= {(f"{schema}.{name}", role.value): value for role, value in zip(matrix.ROLES, row, strict=True)}
    return found


def test_the_committed_matrix_is_the_real_one(document: str, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--write-matrix"):
        matrix.DOCUMENT.write_text(document)
    assert matrix.DOCUMENT.read_text() == document, "run: pytest tests/boundary/test_matrix.py --write-matrix"


def test_what_no_service_may_ever_do(document: str) -> None:
    found = cells(document)
    assert len(found) > 500
    for (table, role), cell in found.items():
        actions = re.sub(r"\([riudt]\)", "", cell)
        if table in ("audit.event", "audit.signed_head", "audit.chain_head"):
            assert not set(actions) & set("udt"), (table, role)
        if role in READERS and "r" in actions and table.startswith(HOLDING_CONTENT) and table not in OF_NO_PERSON:
            assert "*" in cell, (table, role)
        if role == Role.ERASER.value and table.startswith(HOLDING_CONTENT) and table not in KEYS_ALONE:
            assert "r" not in actions, (table, role)
        if role == Role.DAGSTER.value:
            assert cell == "·", (table, role)


def test_notes_are_read_by_the_embedder_alone_and_prompts_by_whom_claims(document: str) -> None:
    found = cells(document)
    readers = {role for (table, role), cell in found.items() if table == "omop.note" and "r" in cell.replace("(r)", "")}
    assert readers == {Role.EMBED.value, Role.TRANSFORM.value}
    for table in ("inference.adjudication", "inference.adjudication_evidence"):
        readers = {role for (name, role), cell in found.items() if name == table and "r" in cell.replace("(r)", "")}
        assert readers == {Role.INFER.value, Role.REVIEWER.value}
