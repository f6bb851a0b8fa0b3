"""Loading FHIR files: forms of files, versions, idempotence, the account."""

import gzip
from pathlib import Path

import orjson
import pytest

from pipelines.fhir import ingest_fhir, land_fhir, load_fhir, loading
from pipelines.landing import InputError, landed_path
from resources.postgres import Database, Role, database
from resources.settings import Settings
from tests.conftest import make_settings
from tests.pipelines.fhir.conftest import Ingest
from tests.pipelines.fhir.synthetic import (
    LOINC,
    TABLES,
    Resource,
    bundle,
    clinical,
    concept,
    encounter,
    ndjson,
    observation,
    patient,
    prescription,
    rows,
    snapshot,
    updated,
    write,
)

NAMED = patient(identifier=[{"system": "urn:oid:1.2.3", "value": "100"}], address=[{"city": "Boston"}])
PRESSURE = [
    {"code": concept(LOINC, "8480-6"), "valueQuantity": {"value": 140, "code": "mm[Hg]"}},
    {"code": concept(LOINC, "8462-4"), "valueQuantity": {"value": 90, "code": "mm[Hg]"}},
]
CHART: list[Resource] = [
    NAMED,
    encounter(location=[{"location": {"reference": "Location/l1"}, "period": {"start": "2025-01-01"}}]),
    observation(valueQuantity={"value": 7.1, "unit": "%", "code": "%"}),
    observation("o2", code=concept(LOINC, "85354-9"), component=PRESSURE),
    prescription(dispenseRequest={"quantity": {"value": 60.5}, "numberOfRepeatsAllowed": 2}),
    {"resourceType": "Medication", "id": "drug", "code": concept("http://www.nlm.nih.gov/research/umls/rxnorm", "1")},
    clinical("Condition", "c1", code=concept("http://hl7.org/fhir/sid/icd-10-cm", "I10"), recordedDate="2025"),
    clinical("Procedure", "x1", status="completed", code={"text": "drain"}, performedDateTime="2025-01-01"),
    clinical("AllergyIntolerance", "a1", code={"text": "nuts"}),
    clinical(
        "DiagnosticReport",
        "r1",
        status="final",
        code=concept(LOINC, "51990-0"),
        presentedForm=[{"contentType": "text/plain", "data": "RmluZGluZ3M="}],
    ),
    {"resourceType": "Practitioner", "id": "d1", "gender": "female"},
    {"resourceType": "PractitionerRole", "id": "r1", "practitioner": {"reference": "Practitioner/d1"}},
    {"resourceType": "Organization", "id": "h1", "name": "General Hospital", "address": [{"city": "Boston"}]},
    {
        "resourceType": "CareTeam",
        "id": "t1",
        "subject": {"reference": "Patient/p1"},
        "participant": [{"member": {"reference": "Practitioner/d1"}}, {"member": {"reference": "Organization/h1"}}],
    },
    {
        "resourceType": "Consent",
        "id": "k1",
        "status": "active",
        "patient": {"reference": "Patient/p1"},
        "scope": concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [concept(LOINC, "59284-0")],
        "provision": {"provision": [{"type": "deny"}]},
    },
]
LEFT_OUT: list[Resource] = [
    {"resourceType": "ImagingStudy", "id": "1"},
    observation("o3", status="preliminary", valueInteger=1),
    prescription("m2", intent="plan"),
]
KEPT = {
    "loaded": {
        "Patient": 1,
        "Encounter": 1,
        "Observation": 2,
        "MedicationRequest": 1,
        "Medication": 1,
        "Condition": 1,
        "Procedure": 1,
        "AllergyIntolerance": 1,
        "DiagnosticReport": 1,
        "Practitioner": 1,
        "PractitionerRole": 1,
        "Organization": 1,
        "CareTeam": 1,
        "Consent": 1,
    },
    "excluded": {"no_mapping": 1, "status:preliminary": 1, "intent:plan": 1},
}


def values(db: Database) -> list[float]:
    return [float(row["value_number"]) for row in rows(db, "measurement", order="value_number")]


def outcomes(db: Database) -> dict[str, str]:
    return {f"{row['resource_type']}/{row['resource_id']}": row["outcome"] for row in rows(db, "resource")}


def test_a_chart_loads_once_and_the_account_names_everything(ingest: Ingest, db: Database) -> None:
    content = ndjson([*CHART, *LEFT_OUT])
    account = ingest({"chart.ndjson": content})
    assert account.as_dict()["loaded"] == dict(sorted(KEPT["loaded"].items()))
    assert account.as_dict()["excluded"] == dict(sorted(KEPT["excluded"].items()))
    assert not account.quarantined
    assert account.read.total() == len(CHART) + len(LEFT_OUT)
    before = snapshot(db)
    assert {table: len(before[table]) for table in TABLES} == {
        "resource": 18,
        "reference_alias": 1,
        "person": 1,
        "person_link": 0,
        "person_identifier": 1,
        "location": 2,
        "care_site": 1,
        "provider": 1,
        "provider_role": 1,
        "visit_occurrence": 1,
        "visit_detail": 1,
        "condition_occurrence": 1,
        "medication": 1,
        "drug_exposure": 1,
        "procedure_occurrence": 1,
        "device": 0,
        "device_exposure": 0,
        "measurement": 3,
        "observation": 2,
        "rejected_request": 0,
        "specimen": 0,
        "note": 1,
        "payer_plan_period": 0,
        "claim_line": 0,
        "care_team": 1,
        "care_team_participant": 2,
        "consent": 1,
        "consent_provision": 2,
        "provenance": 0,
    }
    assert values(db) == [7.1, 90, 140]
    (drug,) = rows(db, "drug_exposure")
    assert (float(drug["quantity"]), drug["refills"]) == (60.5, 2)
    assert drug["codings"] == [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "860975"}]
    assert {row["kind"] for row in rows(db, "landing.file")} == {"fhir-ndjson"}
    (load,) = rows(db, "landing.file_load")
    assert load["account"] == account.as_dict()
    assert {row["line_number"] for row in rows(db, "resource")} == set(range(1, 19))

    again = ingest({"renamed.ndjson": content})
    assert (again.read, again.excluded) == (account.read, {"already_loaded": 18})
    reordered = ingest({"chart.ndjson": ndjson(reversed([*CHART, *LEFT_OUT]))})
    assert reordered.excluded == {"unchanged": 18}
    assert snapshot(db) == before


def test_every_form_of_a_file_gives_the_same_rows(ingest: Ingest, db: Database) -> None:
    ingest({"chart.ndjson": ndjson([*CHART, *LEFT_OUT])})
    expected = snapshot(db)
    halves = [bundle(CHART[:4]), bundle([*CHART[4:], *LEFT_OUT], type="searchset")]
    forms: list[dict[str, bytes]] = [
        {"chart.ndjson.gz": gzip.compress(ndjson([*CHART, *LEFT_OUT]))},
        {"bundle.json": orjson.dumps(bundle([*CHART, *LEFT_OUT]))},
        {"pretty.json": orjson.dumps(bundle([*CHART, *LEFT_OUT]), option=orjson.OPT_INDENT_2)},
        {"bundles.ndjson": ndjson(halves)},
        {"windows.ndjson": b"\xef\xbb\xbf" + ndjson([*CHART, *LEFT_OUT]).replace(b"\n", b"\r\n\r\n").rstrip()},
        {f"{n}.json": orjson.dumps(resource) for n, resource in enumerate([*CHART, *LEFT_OUT])},
    ]
    everything = {f"{number}/{name}": content for number, form in enumerate(forms) for name, content in form.items()}
    assert ingest(everything).excluded == {"unchanged": 18 * len(forms)}
    assert snapshot(db) == expected


def test_newer_replaces_older_is_ignored_error_withdraws(ingest: Ingest, db: Database) -> None:
    second = updated(observation(code=concept(LOINC, "85354-9"), component=PRESSURE), 2)
    ingest({"2.ndjson": ndjson([patient(), second])})
    assert values(db) == [90, 140]
    older = ingest({"1.ndjson": ndjson([updated(observation(valueInteger=1), 1)])})
    assert older.excluded == {"superseded": 1}
    assert values(db) == [90, 140]
    ingest({"3.ndjson": ndjson([updated(observation(valueInteger=3), 3)])})
    assert values(db) == [3]
    (found,) = rows(db, "resource", "version_id, last_updated::text", "resource_type")[:1]
    assert found["version_id"] == "3"
    late = ndjson([updated(observation(valueInteger=2), 3)])
    error = ndjson([updated(observation(status="entered-in-error", valueInteger=3), 4)])
    assert ingest({"4.ndjson": error, "late.ndjson": late}).excluded == {
        "status:entered-in-error": 1,
        "superseded": 1,
    }
    assert values(db) == []
    assert len(rows(db, "person")) == 1
    assert outcomes(db)["Observation/o1"] == "status:entered-in-error"


def test_what_the_source_deleted_is_withdrawn(ingest: Ingest, db: Database) -> None:
    def deletion(day: int, *urls: str) -> bytes:
        entries = [{"request": {"method": "DELETE", "url": url}} for url in urls]
        return ndjson([updated({"resourceType": "Bundle", "type": "transaction", "entry": entries}, day)])

    ingest({"1.ndjson": ndjson([patient(), updated(observation(valueInteger=1), 2)])})
    early = ingest({"deleted.ndjson": deletion(1, "Observation/o1")})
    assert early.excluded == {"superseded": 1}
    account = ingest({"deleted.ndjson": deletion(3, "Observation/o1", "Condition/unseen", "Patient?identifier=a|b")})
    assert account.excluded == {"deleted": 2}
    assert account.quarantined == {"not_a_resource": 1}
    assert values(db) == []
    assert outcomes(db) == {"Patient/p1": "loaded", "Observation/o1": "deleted", "Condition/unseen": "deleted"}


@pytest.mark.parametrize("together", [True, False])
def test_one_resource_in_two_files_is_loaded_once(ingest: Ingest, db: Database, together: bool) -> None:
    files = {
        "a.ndjson": ndjson([updated(observation(valueInteger=2), 2), updated(observation(valueInteger=1), 1)]),
        "b.ndjson": ndjson([patient(), updated(observation(valueInteger=3), 3)]),
    }
    accounts = [ingest(files)] if together else [ingest({name: content}) for name, content in files.items()]
    total = sum(accounts[1:], accounts[0])
    assert total.read == {"Observation": 3, "Patient": 1}
    assert total.loaded == ({"Observation": 1, "Patient": 1} if together else {"Observation": 2, "Patient": 1})
    assert total.excluded["superseded"] == (2 if together else 1)
    assert values(db) == [3]


def test_versions_without_a_time_count_in_order_of_arrival(ingest: Ingest, db: Database) -> None:
    first, second = observation(valueInteger=1), observation(valueInteger=2)
    assert ingest({"a.ndjson": ndjson([first, second, second])}).excluded == {"superseded": 1, "unchanged": 1}
    assert values(db) == [2]
    ingest({"b.ndjson": ndjson([first])})
    assert values(db) == [1]


def test_another_profile_maps_the_same_bytes_anew(settings: Settings, db: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "in.ndjson", ndjson([prescription(), prescription("m2", intent="instance-order")]))
    assert ingest_fhir(settings, db, [path]).loaded == {"MedicationRequest": 2}
    strict = settings.model_copy(update={"mapping_profile": "ig-strict"})
    account = load_fhir(strict, db)
    assert (account.loaded, account.excluded) == ({"MedicationRequest": 1}, {"intent:order": 1})
    assert [row["intent"] for row in rows(db, "drug_exposure")] == ["instance-order"]
    assert load_fhir(strict, db).read.total() == 0


def test_landing_and_loading_apart(settings: Settings, db: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "in" / "1.ndjson", ndjson([patient()]))
    report = land_fhir(settings, db, [path.parent])
    assert (report.files_new, report.files_known, report.bytes) == (1, 0, path.stat().st_size)
    assert rows(db, "person") == []
    progress: list[tuple[str, int, int | None]] = []
    account = load_fhir(settings, db, lambda *step: progress.append(step))
    assert account.loaded == {"Patient": 1}
    assert progress == [("loading resources", 1, None)]
    assert len(rows(db, "person")) == 1


def test_neither_workers_nor_validation_change_the_rows(server: Database, tmp_path: Path) -> None:
    """More lines than one task takes, with versions of a resource in different tasks."""
    many = [updated(observation(f"v{n % 700}", valueInteger=n), 1 + n // 700) for n in range(2100)]
    path = write(tmp_path / "many.ndjson", ndjson([*CHART, *many]))
    found = []
    for number, (workers, validation) in enumerate(((1, "full"), (2, "full"), (2, "structural"))):
        home = make_settings(server, tmp_path / str(number), workers=workers, validation=validation)
        account = ingest_fhir(home, database(home), [path])
        found.append((account, snapshot(database(home))))
    assert found[0][0].read.total() == 2100 + len(CHART)
    assert found[0][0].excluded == {"superseded": 1400}
    assert len(found[0][1]["measurement"]) == 700 + 3
    assert found[0] == found[1] == found[2]


def test_many_files_are_several_loads_with_one_account(
    ingest: Ingest, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [ndjson([updated(observation(valueInteger=day), day)]) for day in (3, 1, 4, 2)]
    monkeypatch.setattr(loading, "_BYTES_PER_LOAD", len(contents[0]) + 1)
    chart = ndjson([NAMED, encounter()])
    account = ingest({f"{number}.ndjson": content for number, content in enumerate([chart, *contents])})
    assert (account.read.total(), account.excluded["superseded"]) == (6, 2)
    assert values(db) == [4]
    with db.connect(Role.INGEST) as connection:
        loads = connection.execute("SELECT count(*) FROM landing.file_load GROUP BY loaded_at ORDER BY loaded_at")
        assert loads.fetchall() == [(1,), (2,), (2,)]


def test_what_fails_undoes_its_own_load_only_and_goes_on_next_time(
    settings: Settings, db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_BYTES_PER_LOAD", 1)
    for number in (1, 2, 3):
        write(tmp_path / "in" / f"{number}.ndjson", ndjson([patient(f"p{number}")]))
    files = land_fhir(settings, db, [tmp_path / "in"]).files
    lost = landed_path(settings, files[1].sha256)
    content = lost.read_bytes()
    lost.unlink()
    with pytest.raises(InputError, match="gone"):
        load_fhir(settings, db)
    assert len(rows(db, "person")) == 1
    lost.write_bytes(content)
    assert load_fhir(settings, db).loaded == {"Patient": 2}
    assert len(rows(db, "person")) == 3
