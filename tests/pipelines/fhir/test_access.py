"""Security labels, CareTeam and Consent: who may see whom, as bronze rows."""

import gzip
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipelines.fhir import ingest_fhir
from pipelines.fhir.worker import Unusable, interpret
from pipelines.keys import derived_key
from resources.postgres import Database
from resources.settings import Settings
from tests.pipelines.fhir.conftest import Ingest
from tests.pipelines.fhir.synthetic import (
    Resource,
    clinical,
    concept,
    encounter,
    excluded,
    key,
    mapped,
    ndjson,
    patient,
    rows,
    task,
    updated,
)

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
PART_2 = {"system": ACT_CODE, "code": "42CFRPart2"}
RESTRICTED = {"system": CONFIDENTIALITY, "code": "R"}
SCOPE = concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")
CATEGORY = concept("http://loinc.org", "59284-0")
UUID = "8e5bff28-8b26-3aa0-9ad9-4e3ea2232943"


def team(*participants: Resource, **parts: Any) -> Resource:
    about = {"resourceType": "CareTeam", "id": "t1", "status": "active", "subject": {"reference": "Patient/p1"}}
    return {**about, **({"participant": list(participants)} if participants else {}), **parts}


def member(reference: str, **parts: Any) -> Resource:
    return {"member": {"reference": reference}, **parts}


def consent(**parts: Any) -> Resource:
    about = {"resourceType": "Consent", "id": "c1", "status": "active", "patient": {"reference": "Patient/p1"}}
    return {**about, "scope": SCOPE, "category": [CATEGORY], "policyRule": concept(ACT_CODE, "OPTIN"), **parts}


def outcome(resource: Resource, validation: Any = "full") -> Any:
    """What the worker makes of a resource: it alone builds the registry's row."""
    (found,) = interpret(task(orjson.dumps(resource), validation))
    return found


def labels(resource: Resource, validation: Any = "full") -> Any:
    _, made = outcome(resource, validation)
    return made["resource"][0]["security_labels"]


@pytest.mark.parametrize(
    "resource",
    [
        patient(),
        encounter(),
        clinical("Observation", "o1", status="preliminary", code=concept("http://loinc.org", "4548-4")),
        {"resourceType": "CarePlan", "id": "x1"},
        team(),
        consent(),
    ],
)
def test_meta_security_lands_whatever_the_type_and_whatever_becomes_of_it(resource: Resource) -> None:
    assert labels(resource) is None
    assert labels(resource | {"meta": {"security": [PART_2, RESTRICTED | {"display": "restricted"}, PART_2]}}) == [
        PART_2,
        RESTRICTED | {"display": "restricted"},
    ]


def test_a_document_adds_its_own_labels() -> None:
    document = clinical("DocumentReference", "n1", status="superseded", content=[{"attachment": {"data": "eA=="}}])
    del document["encounter"]
    labelled = document | {
        "meta": {"security": [RESTRICTED]},
        "securityLabel": [{"coding": [PART_2, RESTRICTED]}, {"text": "counselling"}, {"coding": []}],
    }
    expected = [RESTRICTED, PART_2, {"display": "counselling"}, {"display": "unreadable"}]
    assert labels(labelled, "structural") == expected
    assert "security_labels" not in mapped(document | {"status": "current"})["note"][0]


def test_a_label_without_a_code_stays_a_label() -> None:
    assert labels(patient(meta={"security": [{"display": "secret"}]})) == [{"display": "secret"}]


@pytest.mark.parametrize("security", ["R", {"code": "R"}, ["R"], 7, [None]])
def test_labels_that_cannot_be_read_keep_the_resource_out(security: Any) -> None:
    for resource in (patient(), {"resourceType": "CarePlan", "id": "x1"}):
        found = outcome(resource | {"meta": {"security": security}}, "structural")
        assert isinstance(found, Unusable)
        assert found.reason == "not_r4"


def test_a_deletion_does_not_take_its_bundle_for_its_label(ingest: Ingest, db: Database) -> None:
    ingest({"a.ndjson": ndjson([patient(meta={"security": [PART_2]})])})
    assert [row["security_labels"] for row in rows(db, "resource")] == [[PART_2]]
    gone = {"request": {"method": "DELETE", "url": "Patient/p1"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "meta": {"security": [RESTRICTED]}, "entry": [gone]}
    ingest({"b.json": orjson.dumps(bundle)})
    assert [(row["outcome"], row["security_labels"]) for row in rows(db, "resource")] == [("deleted", None)]


def test_a_newer_version_changes_the_label(ingest: Ingest, db: Database) -> None:
    def labelled(day: int, *security: Resource) -> bytes:
        version = updated(encounter(), day)
        return ndjson([version | {"meta": version["meta"] | {"security": list(security)}}])

    ingest({"2.ndjson": labelled(2, RESTRICTED)})
    ingest({"1.ndjson": labelled(1, PART_2)})
    assert [row["security_labels"] for row in rows(db, "resource")] == [[RESTRICTED]]
    ingest({"3.ndjson": labelled(3)})
    assert [row["security_labels"] for row in rows(db, "resource")] == [None]


def test_a_care_team_with_who_and_when() -> None:
    found = mapped(
        team(
            member("Practitioner/d1", period={"start": "2025-02-01", "end": "2025-03-01T12:00:00Z"}),
            member("http://fhir.example/r4/Organization/h1/_history/3", onBehalfOf={"reference": "Organization/h2"}),
            member("PractitionerRole/r1"),
            member("Patient/p1"),
            member("RelatedPerson/s1"),
            member("CareTeam/t2"),
            {"role": [{"text": "anyone"}]},
            name="Team of Surname",
            period={"start": "2025-01-15", "end": "2025-04"},
            managingOrganization=[{"display": "unnamed"}, {"reference": "Organization/h1"}],
        )
    )
    own, person = key("CareTeam", "t1"), key("Patient", "p1")
    (row,) = found["care_team"]
    assert row == {
        "care_team_key": own,
        "resource_key": own,
        "source_system": "ehr",
        "person_key": person,
        "status": "active",
        "start_date": date(2025, 1, 15),
        "end_date": date(2025, 4, 30),
        "care_site_key": key("Organization", "h1"),
        "known_at": datetime(2025, 1, 15, tzinfo=UTC),
    }
    members = found["care_team_participant"]
    assert [(m["provider_key"], m["care_site_key"]) for m in members] == [
        (key("Practitioner", "d1"), None),
        (None, key("Organization", "h1")),
        (key("PractitionerRole", "r1"), None),
    ]
    assert [(m["start_date"], m["end_date"]) for m in members] == [
        (date(2025, 2, 1), date(2025, 3, 1)),
        (None, None),
        (None, None),
    ]
    assert {(m["care_team_key"], m["person_key"], m["resource_key"]) for m in members} == {(own, person, own)}
    assert len({m["care_team_participant_key"] for m in members}) == 3
    assert "Surname" not in str(found)


def test_members_by_uuid_and_by_identifier() -> None:
    logical = {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "9"}}
    npi = "http://hl7.org/fhir/sid/us-npi|9"
    found = mapped(
        team(
            member(f"urn:uuid:{UUID}"),
            member("Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|9"),
            {"member": logical},
            {"member": logical | {"type": "Organization"}},
            {"member": {"reference": f"urn:uuid:{UUID}", "type": "Practitioner"}},
            member("urn:uuid:p1"),
            subject={"reference": "urn:uuid:p1"},
        )
    )["care_team_participant"]
    by_npi = {kind: derived_key("ehr", f"{kind}?identifier", npi) for kind in ("Practitioner", "Organization")}
    assert [(m["provider_key"], m["care_site_key"]) for m in found] == [
        (key("Practitioner", UUID), key("Organization", UUID)),
        (by_npi["Practitioner"], None),
        (by_npi["Practitioner"], by_npi["Organization"]),
        (None, by_npi["Organization"]),
        (key("Practitioner", UUID), None),
    ]


def test_a_care_team_without_anything_but_its_patient() -> None:
    bare = {name: part for name, part in team().items() if name != "status"}
    (row,) = mapped(bare)["care_team"]
    assert (row["status"], row["start_date"], row["end_date"], row["care_site_key"]) == (None, None, None, None)
    assert [mapped(team(status=status))["care_team"][0]["status"] for status in ("proposed", "inactive")] == [
        "proposed",
        "inactive",
    ]


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (team(status="entered-in-error"), "status:entered-in-error"),
        (team(subject={"reference": "Group/g1"}), "no_patient"),
        (team(member("Practitioner/d1", modifierExtension=[{"url": "http://x", "valueBoolean": True}])), None),
        (consent(status="entered-in-error"), "status:entered-in-error"),
        ({name: part for name, part in consent().items() if name != "patient"}, "no_patient"),
        (consent(modifierExtension=[{"url": "http://x", "valueBoolean": True}]), None),
        (consent(provision={"provision": [{"modifierExtension": [{"url": "http://x", "valueBoolean": True}]}]}), None),
    ],
)
def test_what_makes_no_rows_is_named(resource: Resource, reason: str | None) -> None:
    assert excluded(resource) == (reason or "modifier_extension")


def test_a_consent_with_its_provision() -> None:
    found = mapped(
        consent(
            dateTime="2025-05-06T23:30:00-05:00",
            policyRule=concept(ACT_CODE, "42CFRPart2"),
            provision={
                "type": "permit",
                "period": {"start": "2025-05", "end": "2026"},
                "securityLabel": [PART_2],
                "purpose": [{"system": ACT_CODE, "code": "TREAT"}],
                "action": [concept(ACT_CODE, "access"), {"text": "tell"}],
                "actor": [{"role": concept(ACT_CODE, "IRCP"), "reference": {"reference": "Organization/h1"}}],
            },
        )
    )
    own = key("Consent", "c1")
    common = {"resource_key": own, "source_system": "ehr", "known_at": datetime(2025, 5, 7, 4, 30, tzinfo=UTC)}
    assert found["consent"] == [
        {
            "consent_key": own,
            "person_key": key("Patient", "p1"),
            "status": "active",
            "scope_codings": SCOPE["coding"],
            "category_codings": CATEGORY["coding"],
            "policy_codings": [PART_2],
            "consent_date": date(2025, 5, 6),
            "decided_at": datetime(2025, 5, 7, 4, 30, tzinfo=UTC),
            **common,
        }
    ]
    (provision,) = found["consent_provision"]
    assert provision == {
        "consent_provision_key": provision["consent_provision_key"],
        "consent_key": own,
        "person_key": key("Patient", "p1"),
        "provision_number": 0,
        "parent_provision_key": None,
        "provision_type": "permit",
        "security_labels": [PART_2],
        "purpose_codings": [{"system": ACT_CODE, "code": "TREAT"}],
        "action_codings": [{"system": ACT_CODE, "code": "access"}, {"display": "tell"}],
        "start_date": date(2025, 5, 1),
        "end_date": date(2026, 12, 31),
        "has_actors": True,
        "has_other_limits": False,
        **common,
    }


def test_provisions_at_every_depth_know_their_parent() -> None:
    deep = {"type": "deny", "provision": [{"type": "permit", "securityLabel": [RESTRICTED]}]}
    found = mapped(consent(provision={"provision": [deep, {"type": "deny"}]}))
    ordered = found["consent_provision"]
    keys = [row["consent_provision_key"] for row in ordered]
    assert [row["provision_number"] for row in ordered] == [0, 1, 2, 3]
    assert [row["provision_type"] for row in ordered] == [None, "deny", "permit", "deny"]
    assert [row["parent_provision_key"] for row in ordered] == [None, keys[0], keys[1], keys[0]]
    assert [row["security_labels"] for row in ordered] == [None, None, [RESTRICTED], None]
    assert len(set(keys)) == 4


def test_a_consent_without_provision_or_policy() -> None:
    bare = {name: part for name, part in consent(policy=[{"uri": "http://x"}]).items() if name != "policyRule"}
    found = mapped(bare)
    assert list(found) == ["consent"]
    assert (found["consent"][0]["policy_codings"], found["consent"][0]["consent_date"]) == (None, None)


@pytest.mark.parametrize(
    "limit",
    [
        {"class": [{"system": "urn:ietf:bcp:13", "code": "application/hl7-cda+xml"}]},
        {"code": [concept("http://loinc.org", "34117-2")]},
        {"data": [{"meaning": "instance", "reference": {"reference": "Observation/o1"}}]},
        {"dataPeriod": {"start": "2020"}},
    ],
)
def test_a_limit_without_a_column_is_told(limit: Resource) -> None:
    (provision,) = mapped(consent(provision={"type": "permit", **limit}))["consent_provision"]
    assert provision["has_other_limits"] is True
    assert (provision["has_actors"], provision["start_date"], provision["end_date"]) == (False, None, None)


@pytest.mark.parametrize(
    "resource",
    [
        consent(provision={"type": "permit", "period": {"end": "soon"}}),
        consent(provision={"type": "perhaps"}),
        consent(provision={"type": "permit", "securityLabel": ["42CFRPart2"]}),
        consent(provision=[{"type": "permit"}]),
        team(period={"end": "2025-02-30"}),
        team(member("Practitioner/d1", period={"end": "never"})),
        team() | {"participant": {"member": {"reference": "Practitioner/d1"}}},
    ],
)
def test_what_cannot_be_read_is_refused_rather_than_left_open(resource: Resource) -> None:
    for validation in ("full", "structural"):
        found = outcome(resource, validation)
        assert isinstance(found, Unusable), validation
        assert found.reason == "not_r4"


def test_a_newer_version_replaces_team_and_consent(ingest: Ingest, db: Database) -> None:
    def version(day: int, *participants: Resource, **parts: Any) -> bytes:
        nested = {"provision": [{"type": "deny"}] * (3 - day)}
        return ndjson(
            [updated(team(*participants), day, **parts), updated(consent(provision=nested), day, **parts), patient()]
        )

    first, second = member("Practitioner/d1"), member("Organization/h1")
    ingest({"1.ndjson": version(1, first, second)})
    assert [len(rows(db, table)) for table in ("care_team_participant", "consent_provision")] == [2, 3]
    ingest({"2.ndjson": version(2, second, status="inactive")})
    ingest({"1-again.ndjson": version(1, first, second) + b"\n"})
    assert [(row["status"], row["start_date"]) for row in rows(db, "care_team")] == [("inactive", None)]
    assert [row["care_site_key"] for row in rows(db, "care_team_participant")] == [key("Organization", "h1")]
    assert [row["provision_number"] for row in rows(db, "consent_provision", order="provision_number")] == [0, 1]
    ingest({"3.ndjson": ndjson([updated(consent(), 3, status="entered-in-error")])})
    assert (rows(db, "consent"), rows(db, "consent_provision")) == ([], [])


def test_synthea_s_care_teams_load_and_resolve(settings: Settings, db: Database, shared_data: Path) -> None:
    folder = shared_data / "fhir-r4" / "synthea-100"
    files = [folder / f"{kind}.ndjson.gz" for kind in ("CareTeam", "Patient", "Practitioner", "Organization")]
    teams = [orjson.loads(line) for line in gzip.decompress(files[0].read_bytes()).splitlines()]
    account = ingest_fhir(settings, db, files)
    assert account.closes
    assert not account.quarantined
    assert not account.excluded
    assert account.loaded["CareTeam"] == len(teams) == len(rows(db, "care_team")) > 0
    people = {row["person_key"] for row in rows(db, "person")}
    assert {row["person_key"] for row in rows(db, "care_team")} <= people
    providers = {row["provider_key"] for row in rows(db, "provider")}
    sites = {row["care_site_key"] for row in rows(db, "care_site")}
    assert {row["care_site_key"] for row in rows(db, "care_team")} <= sites
    participants = rows(db, "care_team_participant")
    # In each team one participant is the patient, who has no row.
    assert len(participants) == sum(len(found["participant"]) - 1 for found in teams)
    resolved = [(row["provider_key"] in providers, row["care_site_key"] in sites) for row in participants]
    assert {sum(pair) for pair in resolved} == {1}
