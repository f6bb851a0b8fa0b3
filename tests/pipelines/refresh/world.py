"""Random histories of a few people whose records share identifiers, merge, move and name each other's stays."""

import base64
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.dbt_project.population import HCPCS, ICD10, LOINC, MRN, RXNORM, coded, condition, of, result, visit

Resource = dict[str, Any]
PEOPLE = [f"p{number}" for number in range(8)]
_NUMBERS = ["A", "B", "C", "D", "E"]
_BORN = ["1950-05-05", "1950-05-05", "1971-01-01", None]
_DAYS = ["2026-01-10", "2026-02-11", "2026-03-12"]
_LABELS = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_CITIES = [{"city": "Here", "state": "MA"}, {"city": "There", "postalCode": "01234"}]
_HL7_TIMES = [f"20260301{hour:02d}0000" for hour in range(1, 20)]


def shared() -> list[Resource]:
    """What is of no patient, and stays as it is."""
    return [
        {"resourceType": "Organization", "id": "north", "name": "North"},
        {"resourceType": "Organization", "id": "ward", "name": "Ward", "partOf": {"reference": "Organization/north"}},
        {
            "resourceType": "Organization",
            "id": "hidden",
            "name": "Hidden",
            "meta": {"security": [{"system": _LABELS, "code": "R"}]},
        },
        {"resourceType": "Practitioner", "id": "doctor", "identifier": [{"system": "urn:d", "value": "1"}]},
        {
            "resourceType": "PractitionerRole",
            "id": "role",
            "practitioner": {"reference": "Practitioner/doctor"},
            "organization": {"reference": "Organization/north"},
        },
        {"resourceType": "Medication", "id": "metformin", "code": coded(RXNORM, "6809")},
    ]


def _said(name: str, code: str) -> Resource:
    return {"url": f"{_CMS}/{name}", "valueCoding": {"system": f"{_CMS}/{name}", "code": code}}


_CMS = "https://bluebutton.cms.gov/resources/variables"
_ENTITLEMENT = [
    {"url": f"{_CMS}/rfrnc_yr", "valueDate": "2025"}, _said("orec", "1"), _said("dual_12", "02"),
    *(_said(f"buyin{month:02d}", "3") for month in range(1, 13)),
]  # fmt: skip


class World:
    """Makes new versions of random records; each is later than all before it.

    Args:
        seed: of all that is random.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._version = 0

    def records(self, count: int) -> list[Resource]:
        """New or changed records of random people, one version of each at most."""
        makers: list[Callable[[], Resource]] = [
            self._patient, self._patient, self._visit, self._visit, self._condition, self._result, self._result,
            self._drug, self._note, self._coverage, self._claim, self._team, self._consent, self._specimen, self._task,
            self._gone,
        ]  # fmt: skip
        made = [self._random.choice(makers)() for _ in range(count)]
        return list({self._name(resource): self._dated(resource) for resource in made}.values())

    def messages(self, count: int) -> str:
        """HL7 v2 messages about the same numbers."""
        return "\n".join(self._message() for _ in range(count))

    def _name(self, resource: Resource) -> str:
        if resource["resourceType"] == "Bundle":
            return str(resource["entry"][0]["request"]["url"])
        return f"{resource['resourceType']}/{resource['id']}"

    def _dated(self, resource: Resource) -> Resource:
        self._version += 1
        at = f"2026-06-{1 + self._version // 1000:02d}T{self._version // 60 % 16:02d}:{self._version % 60:02d}:00Z"
        meta: Resource = {"lastUpdated": at}
        if self._random.random() < 0.1:
            meta["security"] = [{"system": _LABELS, "code": self._random.choice("RV")}]
        return {**resource, "meta": meta}

    def _one(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def _person(self) -> str:
        return self._random.choice(PEOPLE)

    def _some(self, **elements: Any) -> Resource:
        """Each element or not."""
        return {name: value for name, value in elements.items() if self._random.random() < 0.5}

    def _encounter(self) -> Resource:
        # Most name a stay of their own or none; some another person's.
        return {"reference": f"Encounter/{self._person()}-v{self._one(0, 1)}"}

    def _patient(self) -> Resource:
        kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
        numbers = self._random.sample(_NUMBERS, self._one(0, 1, 1, 2))
        born = self._random.choice(_BORN)
        link = {"type": self._one("replaced-by", "replaces"), "other": {"reference": f"Patient/{self._person()}"}}
        return {
            "resourceType": "Patient",
            "id": self._person(),
            "gender": self._one("female", "female", "male"),
            "identifier": [{"system": MRN, "value": number, "type": kind} for number in numbers],
            **({"birthDate": born} if born else {}),
            **({"link": [link]} if self._random.random() < 0.3 else {}),
            **self._some(
                address=[self._random.choice(_CITIES)],
                managingOrganization={"reference": "Organization/ward"},
                generalPractitioner=[{"reference": self._one("PractitionerRole/role", "Practitioner/doctor")}],
            ),
            **({"deceasedDateTime": "2026-05-05"} if self._random.random() < 0.1 else {}),
        }

    def _visit(self) -> Resource:
        day = self._random.choice(_DAYS)
        made = visit(
            self._person(),
            f"{self._person()}-v{self._one(0, 1)}",
            day,
            self._one(day, None),
            self._one("AMB", "IMP"),
            type=[coded(HCPCS, "G0439")],
            **self._some(
                partOf=self._encounter(),
                serviceProvider={"reference": f"Organization/{self._one('north', 'ward', 'hidden')}"},
            ),
        )
        return made if self._random.random() < 0.9 else {**made, "period": {}}

    def _condition(self) -> Resource:
        return condition(
            self._person(),
            f"c{self._one(0, 1, 2, 3)}",
            coded(ICD10, self._one("E11.9", "E11.65", "I10", "X-unknown")),
            self._one("encounter-diagnosis", "problem-list-item"),
            onsetDateTime=self._random.choice(_DAYS),
            **self._some(encounter=self._encounter()),
        )

    def _result(self) -> Resource:
        return result(
            self._person(),
            f"r{self._one(0, 1, 2, 3)}",
            self._one("4548-4", "8480-6", "00000-0"),
            self._random.choice(_DAYS),
            self._random.randint(5, 12),
            self._one("%", "{nonsense}"),
            **self._some(encounter=self._encounter()),
        )

    def _drug(self) -> Resource:
        return of(
            self._person(),
            "MedicationRequest",
            f"d{self._one(0, 1)}",
            status="active",
            intent="order",
            authoredOn=self._random.choice(_DAYS),
            medicationReference={"reference": f"Medication/{self._one('metformin', 'never-there')}"},
            **self._some(requester={"reference": "Practitioner/doctor"}),
        )

    def _note(self) -> Resource:
        text = base64.b64encode(self._one(b"Eyes were seen.", b"Feet were seen.")).decode()
        return of(
            self._person(),
            "DocumentReference",
            f"n{self._one(0, 1, 2)}",
            status="current",
            type=coded(LOINC, "34131-3"),
            date="2026-02-03T10:00:00Z",
            content=[{"attachment": {"contentType": "text/plain", "data": text}}],
            **self._some(context={"encounter": [self._encounter()]}),
        )

    def _coverage(self) -> Resource:
        return {
            "resourceType": "Coverage",
            "id": f"k{self._one(0, 1)}",
            "status": self._one("active", "cancelled"),
            "beneficiary": {"reference": f"Patient/{self._person()}"},
            "period": {"start": "2026-01-01", **self._some(end="2026-12-31")},
            "payor": [{"reference": f"Organization/{self._one('north', 'hidden')}"}],
            "extension": _ENTITLEMENT,
        }

    def _claim(self) -> Resource:
        encounter = self._encounter()
        product = coded(HCPCS, "G0439")
        kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "professional"}]}
        return {
            "resourceType": "Claim",
            "id": f"m{self._one(0, 1)}",
            "status": "active",
            "use": "claim",
            "type": kind,
            "patient": {"reference": f"Patient/{self._person()}"},
            "created": "2026-02-03",
            "provider": {"reference": "Organization/north"},
            "priority": {"coding": [{"code": "normal"}]},
            "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": f"Coverage/k{self._one(0, 1)}"}}],
            "item": [
                {
                    "sequence": 1,
                    "productOrService": product,
                    "encounter": [encounter],
                    "servicedDate": "2026-02-03",
                    "net": {"value": 12.5, "currency": "USD"},
                }
            ],
            "total": {"value": 12.5, "currency": "USD"},
        }

    def _team(self) -> Resource:
        return of(
            self._person(),
            "CareTeam",
            f"t{self._one(0, 1)}",
            status="active",
            participant=[{"member": {"reference": self._one("PractitionerRole/role", "Practitioner/doctor")}}],
        )

    def _consent(self) -> Resource:
        return {
            "resourceType": "Consent",
            "id": f"s{self._one(0, 1)}",
            "status": self._one("active", "inactive"),
            "scope": {"coding": [{"code": "patient-privacy"}]},
            "category": [coded(LOINC, "59284-0")],
            "patient": {"reference": f"Patient/{self._person()}"},
            "dateTime": "2026-02-03",
            "policyRule": {"coding": [{"code": "OPTIN"}]},
            "provision": {
                "type": self._one("permit", "deny"),
                "securityLabel": [{"system": _LABELS, "code": "R"}],
            },
        }

    def _specimen(self) -> Resource:
        return {
            "resourceType": "Specimen",
            "id": f"sp{self._one(0, 1)}",
            "subject": {"reference": f"Patient/{self._person()}"},
            "type": coded("http://snomed.info/sct", "119297000"),
            "collection": {"collectedDateTime": self._random.choice(_DAYS)},
        }

    def _task(self) -> Resource:
        # Most are for another person than the prescription is.
        return {
            "resourceType": "Task",
            "id": f"t{self._one(0, 1)}",
            "status": self._one("rejected", "rejected", "accepted"),
            "intent": "order",
            "code": coded("http://hl7.org/fhir/CodeSystem/task-code", "fulfill"),
            "focus": {"reference": f"MedicationRequest/d{self._one(0, 1)}"},
            "for": {"reference": f"Patient/{self._person()}"},
        }

    def _gone(self) -> Resource:
        url = self._one(f"Patient/{self._person()}", f"Encounter/{self._person()}-v0", f"Condition/c{self._one(0, 1)}")
        request = {"method": "DELETE", "url": url}
        return {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": request}]}

    def _message(self) -> str:
        self._version += 1
        trigger = self._one("A01", "A03", "A08", "A08", "A40", "A45")
        at = self._random.choice(_HL7_TIMES)
        own, other = self._random.sample(_NUMBERS, 2)

        def number(value: str) -> str:
            return f"{value}^^^WEST&1.2.3.4.5&ISO^MR"

        segments = [
            f"MSH|^~\\&|ADT|WEST|SANCTUM|HUB|{at}||ADT^{trigger}|R{self._version}|P|2.5",
            f"EVN|{trigger}|{at}",
            f"PID|1||{number(own)}||DOE^JANE||{self._one('19500505', '')}|F",
        ]
        stay = f"V{self._one(1, 2)}^^^WEST&1.2.3.4.5&ISO"
        if trigger == "A45":
            segments.append(f"MRG|{number(other)}||||{stay}")
        elif trigger == "A40":
            segments.append(f"MRG|{number(other)}")
        if trigger != "A40":
            segments.append(f"PV1|1|I|4E^{self._one(1, 2)}^A" + "|" * 16 + stay + "|" * 25 + "20260301101500")
        return "\r".join(segments) + "\r"


def write(path: Path, resources: list[Resource]) -> Path:
    """An NDJSON file."""
    path.write_text("".join(json.dumps(resource) + "\n" for resource in resources))
    return path
