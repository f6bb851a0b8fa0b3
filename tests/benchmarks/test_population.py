"""A repeated population is whole people with ids of their own, whose references lead where they led."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.population import Population, repeat

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "urn:mrn", "value": "77"}, {"system": "urn:unknown"}],
    "multipleBirthInteger": 2,
}
ENCOUNTER: dict[str, Any] = {
    "resourceType": "Encounter",
    "contained": [{"resourceType": "Location", "id": "here"}],
    "id": "0a0a0a0a-0000-4000-8000-00000000000e",
    "subject": {"reference": "Patient/p1"},
    "location": [{"location": {"reference": "#here"}}],
    "serviceProvider": {"reference": "Organization?identifier=urn:npi|5"},
}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "identifier": [{"value": "p1"}],
    "code": {"coding": [{"id": "p1", "code": "o1"}]},
    "subject": {"reference": "http://ehr.example/fhir/Patient/p1/_history/3"},
    "encounter": {"reference": "urn:uuid:0a0a0a0a-0000-4000-8000-00000000000e", "display": "Patient/p1"},
    "valueDecimal": 1.50,
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "more").mkdir(parents=True)
    (folder / "Patient.ndjson.gz").write_bytes(gzip.compress(json.dumps(PATIENT).encode()))
    # The same name in two folders, a blank line, and no line end at the last one.
    (folder / "Encounter.ndjson").write_text(json.dumps(ENCOUNTER, separators=(",", ":")) + "\n\n")
    (folder / "more" / "Encounter.ndjson").write_text(json.dumps(OBSERVATION))
    return folder


def resources(population: Population) -> list[dict[str, Any]]:
    files = sorted(population.directory.iterdir())
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def names(found: list[dict[str, Any]]) -> set[str]:
    """Everything by which a reference can name one of these."""
    by_id = {f"{one['resourceType']}/{one['id']}" for one in found} | {f"urn:uuid:{one['id']}" for one in found}
    by_identifier = {
        f"{one['resourceType']}?identifier={identifier.get('system')}|{identifier['value']}"
        for one in found
        for identifier in one.get("identifier", ())
    }
    return by_id | by_identifier


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def test_the_first_copy_is_the_source_and_the_others_differ_in_ids_alone(source: Path, tmp_path: Path) -> None:
    population = repeat(source, tmp_path / "target", 3)

    assert (population.patients, population.resources) == (3, 9)
    assert population.bytes == sum(file.stat().st_size for file in population.directory.iterdir())
    found = resources(population)
    assert len({(one["resourceType"], one["id"]) for one in found}) == 9
    patients, encounters, observations = (
        [one for one in found if one["resourceType"] == kind] for kind in ("Patient", "Encounter", "Observation")
    )
    assert [patients[0], encounters[0], observations[0]] == [PATIENT, ENCOUNTER, OBSERVATION]
    for ending, patient, encounter, observation in zip(
        ("", "-1", "-2"), patients, encounters, observations, strict=True
    ):
        assert encounter == ENCOUNTER | {
            "id": encounter["id"],
            "subject": {"reference": f"Patient/{patient['id']}"},
            "serviceProvider": {"reference": f"Organization?identifier=urn:npi|5{ending}"},
        }
        assert observation == OBSERVATION | {
            "id": observation["id"],
            "identifier": [{"value": f"p1{ending}"}],
            "subject": {"reference": f"http://ehr.example/fhir/Patient/{patient['id']}/_history/3"},
            "encounter": {"reference": f"urn:uuid:{encounter['id']}", "display": "Patient/p1"},
        }


def test_copies_of_a_patient_are_not_one_person(source: Path, tmp_path: Path) -> None:
    found = resources(repeat(source, tmp_path / "target", 3))

    patients = [one for one in found if one["resourceType"] == "Patient"]
    assert [one["identifier"][0]["value"] for one in patients] == ["77", "77-1", "77-2"]
    assert all(one["identifier"][1] == {"system": "urn:unknown"} for one in patients)


def test_every_reference_of_real_files_leads_into_its_own_copy(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "fhir-r4" / "synthea-10-notes"
    once, twice = repeat(source, tmp_path / "once", 1), repeat(source, tmp_path / "twice", 2)

    assert (twice.patients, twice.resources) == (2 * once.patients, 2 * once.resources)
    first, both = resources(once), resources(twice)
    known = names(first)
    second = [one for one in both if names([one]).isdisjoint(known)]
    assert len(second) == len(first)
    resolved = [
        sum(name in names_of_part for name in references(part))
        for part in (first, second)
        for names_of_part in [names(part)]
    ]
    assert resolved[0] == resolved[1] > 20_000
    assert not any(name in known for name in references(second))
