"""Erasing one person costs nobody else a byte: short names, shared telephones, identifiers given to the wrong one."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.erasure import erase
from pipelines.erasure.words import Word, byte_pattern, deciding_pattern, names, sentences
from pipelines.fhir import ingest_fhir, replay_fhir
from pipelines.hl7 import ingest_hl7
from pipelines.hl7.redaction import is_named
from pipelines.keys import resource_key
from resources.postgres import Database, Role
from tests.pipelines import erasure_home as population
from tests.pipelines.erasure_home import GONE, STAYS, Built

TOM = resource_key("ehr", "Patient", "tom-0003")
LI = resource_key("ehr", "Patient", "chen-3")
WEST = "^^^WEST&1.2.840.99&ISO^MR"


@pytest.fixture
def built(server: Database, tmp_path: Path) -> Built:
    return population.copy_of_built(server, tmp_path)


def query(built: Built, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with built.database.connect(Role.INGEST) as connection:
        return connection.execute(text.encode(), parameters).fetchall()


def landed(built: Built) -> bytes:
    """Every landed file that is not packed."""
    return b"".join(path.read_bytes() for path in (built.settings.home / "landing").rglob("*") if path.is_file())


def written(path: Path, *lines: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


@pytest.mark.parametrize(
    ("family", "given", "text", "decides", "proves"),
    [
        ("Li", "An", "Listing of drugs: Susan took none", False, False),
        ("Li", "An", "life of a man", False, False),
        ("Li", "An", "the rest li, and an end", False, False),
        ("Li", "An", '"family":"Li","given":["An"]', False, True),
        ("Brandywine", "Al", "BRANDYWINE^AL", False, True),
        ("Brandywine", "Benedict", "BRANDYWINE^BENEDICT", True, True),
        ("Brandywine", "Benedict", '"given":["Benedict"],"family":"Brandywine"', True, True),
        ("Brandywine", "Benedict", "Brandywine said of Benedict", False, True),
        ("Brandywine", "Benedict", "Brandywines^Benedicta", False, False),
    ],
)
def test_a_name_decides_only_if_it_is_long_and_together(
    family: str, given: str, text: str, decides: bool, proves: bool
) -> None:
    words = [word for word in names(family, [given]) if word.kind == "name"]
    deciding, proof = deciding_pattern(words), byte_pattern(words)
    assert proof is not None
    assert (bool(deciding and deciding.search(text.encode())), bool(proof.search(text.encode()))) == (decides, proves)


@pytest.mark.parametrize(
    ("patient", "decides"),
    [
        ("PID|1||||QUARKENBUSH^ZULEIKA", True),
        ("PID|1||^^^WEST||QUARKENBUSH^ZULEIKA", True),
        ("PID|1||999-00^^^SSA^SS||BRANDYWINE^BENEDICT\rNK1|1|QUARKENBUSH^ZULEIKA", False),
        ("PID|1|B-77||BRANDYWINE^BENEDICT\rNK1|1|QUARKENBUSH^ZULEIKA", False),
    ],
)
def test_a_word_decides_of_no_message_that_names_another_patient(patient: str, decides: bool) -> None:
    words = deciding_pattern(names("Quarkenbush", ["Zuleika"]))
    assert is_named(f"MSH|^~\\&|ADT|WEST\r{patient}\r".encode(), words) is decides


def test_words_are_few_and_can_be_stored() -> None:
    notes = [f"{number} " + "This is said in the note and nowhere else. " * 3 for number in range(300)]
    notes.append('She said "the quetzalcoatlus came in by the window" to us.\0')
    found = list(sentences(notes))
    assert len(found) == 200
    assert [word.text for word in sentences(notes[-1:])] == ["the quetzalcoatlus came in by the window"]
    assert Word("sentence", "a\0b").text == "ab"
    assert not Word("contact", "617-555-0199").is_strong


def test_a_short_name_and_a_shared_telephone_cost_others_nothing(built: Built, tmp_path: Path) -> None:
    li = population._patient("chen-3", "1970-01-01", "MR-3333-CC", "Li", "An")
    li["telecom"] = [{"system": "phone", "value": "617-555-0199"}]
    others = (
        b'{"resourceType":"Observation","subject":{"reference":"Patient/benedict-0002"},"valueString":"Listing: Susan',
        b'{"resourceType":"Observation","subject":{"reference":"Patient/benedict-0002"},"note":"son of the lithe man',
        b'{"name":"Li, An","title":"Listing of a man","resource',
        json.dumps({"resourceType": "ValueSet", "id": "v", "status": "active", "title": "Life of a man"}).encode(),
        b'{"resourceType":"Patient","id":"benedict-son","telecom":[{"value":"617-555-0199"}],"name":[{"family":',
    )
    nobodys = b'{"resourceType": "Basic", "id": "b-1", "code": {"text": "file of MR-3333-CC"}}'
    source = written(tmp_path / "li.ndjson", *others, nobodys, json.dumps(li).encode())
    ingest_fhir(built.settings, built.database, [source])
    assert nobodys in landed(built)
    report = erase(built.settings, built.database, LI, "data-subject-request", "test")
    now = landed(built)
    assert [line for line in others if line not in now] == []
    assert (nobodys in now, b"chen-3" in now) == (False, False)
    # The broken line that names nobody holds the name, and whose it is no one can say: it is reported.
    assert (report.state, sum(report.left.values())) == ("erased", 1)
    assert report.words_of_others["contact"] == 1


def test_an_update_with_an_erased_identifier_erases_nobody(server: Database, built: Built, tmp_path: Path) -> None:
    """A sender gives an erased person's number to Benedict, whose birth date is another, and to Tom, who has a year."""
    kind = population.ZULEIKA["identifier"][0]
    benedict = population.BENEDICT | {"birthDate": "1955", "link": []}
    tom = {"resourceType": "Patient", "id": "tom-0003", "gender": "male", "birthDate": "1970"}
    visit = population._of("tom-0003", "Encounter", "enc-tom", status="finished", period={"start": "2026-05-05"})
    visit["class"] = {"code": "AMB"}
    known = written(tmp_path / "known" / "a.ndjson", json.dumps(tom).encode(), json.dumps(visit).encode())
    ingest_fhir(built.settings, built.database, [known])
    message = population._message("ADT^A28", "T1", f"PID|1||MR-4444-TT{WEST}||SMITH^TOM")
    ingest_hl7(built.settings, built.database, [written(tmp_path / "h" / "a.hl7", message.encode())])
    erase(built.settings, built.database, GONE, "data-subject-request", "test")
    before = population.rows_of_all_tables(server, built.database)

    benedict["identifier"] = [*benedict["identifier"], kind]
    newer = {"meta": {"lastUpdated": "2027-01-01T00:00:00Z"}}
    updates = [
        written(tmp_path / "new" / f"{one['id']}.ndjson", json.dumps(one | newer).encode())
        for one in (benedict, tom | {"identifier": [kind]})
    ]
    account = ingest_fhir(built.settings, built.database, updates)
    assert account.closes
    assert (dict(account.loaded), dict(account.quarantined)) == ({"Patient": 1}, {"erased_identifier": 1})
    assert replay_fhir(built.settings, built.database).quarantined["erased_identifier"] == 1
    messages = [
        population._message("ADT^A31", control, f"PID|1||{number}{WEST}~MR-7711-ZQ{WEST}||{name}")
        for control, number, name in (("T2", "MR-4444-TT", "SMITH^TOM"), ("T3", "MR-2222-BB", "BRANDYWINE^BENEDICT"))
    ]
    told = written(tmp_path / "h2" / "a.hl7", "".join(messages).encode())
    account = ingest_hl7(built.settings, built.database, [told])
    assert account.closes
    assert account.quarantined == {"erased_identifier": 1}
    assert account.loaded == {"ADT^A31": 1}

    after = population.rows_of_all_tables(server, built.database)
    assert after["landing.erased_person"] == before["landing.erased_person"]
    assert after["landing.redaction_due"].total() == 0
    for table in ("visit_occurrence", "measurement", "note", "condition_occurrence"):
        assert after[f"bronze.{table}"] == before[f"bronze.{table}"], table
    assert query(built, "SELECT count(*) FROM bronze.person WHERE person_key = ANY(%s)", [STAYS, TOM]) == [(2,)]
    assert all(path.read_bytes() in landed(built) for path in (known, *updates, told))
    where = "SELECT line_number, byte_offset, resource_type FROM quarantine.record WHERE reason = 'erased_identifier'"
    assert query(built, where + " ORDER BY record_id") == [(1, None, "Patient"), (None, 0, "ADT^A31")]


def test_earlier_messages_of_one_who_turns_out_to_be_erased_go(built: Built, tmp_path: Path) -> None:
    """A booking under a number nobody knew lies in an earlier file; then a message joins it with the erased one."""
    patient = f"PID|1||MR-9000-XX{WEST}{{}}||SMITHXYZ^ALICEXYZ||19600412|F|||12 SECRETLANE ROAD^^X"
    for control, kind, other in (("N1", "SIU^S12", ""), ("N2", "ADT^A31", f"~MR-7711-ZQ{WEST}")):
        message = population._message(kind, control, patient.format(other)).encode()
        account = ingest_hl7(built.settings, built.database, [written(tmp_path / control / "a.hl7", message)])
        if control == "N1":
            assert account.excluded.total() == 1
            assert b"SECRETLANE" in landed(built)
            erase(built.settings, built.database, GONE, "data-subject-request", "test")
    assert account.excluded == {"erased": 1}
    assert b"SECRETLANE" not in landed(built)
    stored = "SELECT count(*) FROM landing.hl7_message WHERE position('SMITHXYZ'::bytea IN body) > 0"
    assert query(built, stored) == [(0,)]
