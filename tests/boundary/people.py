"""People at two sites, one of them a treatment programme's: each is there for one rule of who sees whom."""

import base64
import json
from pathlib import Path
from typing import Any

from pipelines.keys import resource_key
from tests.dbt_project.population import ICD10, LOINC, condition, of, patient, result, visit

PART2 = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}
PSYCHOTHERAPY = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN"}
RESTRICTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
NORMAL = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}
HOUSE_RULE = {"system": "urn:local", "code": "OUR-OWN"}

NAMES = ("ann", "bob", "cat", "dan", "eve", "fay")


def key(kind: str, name: str) -> int:
    """The key that the loader derives."""
    return resource_key("ehr", kind, name)


PERSON = {name: key("Patient", name) for name in NAMES}


def note(person: str, name: str, text: str, **extra: Any) -> dict[str, Any]:
    attachment = {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}
    return of(
        person,
        "DocumentReference",
        name,
        status="current",
        type={"coding": [{"system": LOINC, "code": "34131-3"}]},
        date="2026-02-03T10:00:00Z",
        content=[{"attachment": attachment}],
        **extra,
    )


def seen_at(person: str, site: str, day: str, name: str = "visit", **extra: Any) -> list[dict[str, Any]]:
    """A visit with a diagnosis, a result and a note."""
    at = f"{person}-{name}"
    encounter = {"reference": f"Encounter/{at}"}
    return [
        visit(person, at, day, day, serviceProvider={"reference": f"Organization/{site}"}, **extra),
        condition(
            person,
            f"{at}-dx",
            {"coding": [{"system": ICD10, "code": "E11.9"}]},
            "encounter-diagnosis",
            encounter=encounter,
        ),
        result(person, f"{at}-a1c", "4548-4", day, 8.1, "%", encounter=encounter),
        note(person, f"{at}-note", f"{person} was seen and had {name}.", context={"encounter": [encounter]}),
    ]


def in_programme(person: str) -> list[dict[str, Any]]:
    """Care at the programme: only the organisation carries the label."""
    found = seen_at(person, "wharf", "2026-02-10", "counselling")
    found[1]["code"] = {"coding": [{"system": ICD10, "code": "F11.20"}]}
    return found


def consent(person: str) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "id": f"{person}-consent",
        "status": "active",
        "scope": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
        },
        "category": [{"coding": [{"system": LOINC, "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{person}"},
        "dateTime": "2026-01-01",
        "policyRule": {"coding": [PART2]},
        "provision": {"type": "permit", "period": {"start": "2026-01-01"}, "securityLabel": [PART2]},
    }


def resources() -> list[dict[str, Any]]:
    organisations = [
        {"resourceType": "Organization", "id": "trust", "name": "Trust"},
        {"resourceType": "Organization", "id": "east", "name": "East", "partOf": {"reference": "Organization/trust"}},
        {"resourceType": "Organization", "id": "west", "name": "West"},
        {"resourceType": "Organization", "id": "wharf", "name": "Wharf", "meta": {"security": [PART2]}},
    ]
    practitioner = {"resourceType": "Practitioner", "id": "pat", "name": [{"family": "Pat"}]}
    team = of(
        "cat",
        "CareTeam",
        "cats-team",
        status="active",
        period={"start": "2025-01-01"},
        participant=[{"member": {"reference": "Practitioner/pat"}}],
    )
    return [
        *organisations,
        practitioner,
        *(patient(name, f"196{number}-04-12", f"MRN-{name}") for number, name in enumerate(NAMES[:-1])),
        *seen_at("ann", "east", "2026-02-03"),
        note("ann", "ann-therapy", "Ann spoke of her mother.", securityLabel=[{"coding": [PSYCHOTHERAPY]}]),
        note("ann", "ann-plain", "Ann likes plain notes.", securityLabel=[{"coding": [NORMAL]}]),
        {**condition("ann", "ann-own", {"coding": [{"system": ICD10, "code": "I10"}]}, "problem-list-item"),
         "meta": {"security": [HOUSE_RULE]}},
        *seen_at("bob", "west", "2026-02-03"),
        *seen_at("cat", "east", "2019-02-03"),
        team,
        *seen_at("dan", "east", "2026-02-03"),
        *in_programme("dan"),
        *seen_at("eve", "east", "2026-02-03"),
        *in_programme("eve"),
        consent("eve"),
        patient("fay", "1970-01-01", "MRN-fay", meta={"security": [RESTRICTED]}),
        *seen_at("fay", "west", "2026-02-03"),
    ]  # fmt: skip


def write(folder: Path) -> Path:
    path = folder / "people.ndjson"
    path.write_text("".join(json.dumps(resource) + "\n" for resource in resources()))
    return path
