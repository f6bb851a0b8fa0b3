"""Random stays in hospital as FHIR: a patient, the stay, and the claim for it with its diagnoses."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.dbt_project.golden.claims import SECRET
from tests.dbt_project.population import ICD10, coded, condition, patient, visit

Resource = dict[str, Any]
_TYPE = "http://terminology.hl7.org/CodeSystem/claim-type"
_RANK = "http://terminology.hl7.org/CodeSystem/ex-diagnosistype"
_ON_ADMISSION = "http://terminology.hl7.org/CodeSystem/ex-diagnosis-on-admission"
_SECONDARY = (["secondary"], ["other"], [])


@dataclass(frozen=True)
class Diagnosis:
    """An ICD-10-CM code without a dot, and the indicator of presence on admission; None: the claim has none."""

    code: str
    on_admission: str | None


@dataclass(frozen=True)
class Stay:
    """A person's stay.

    Attributes:
        person: id of the patient.
        diagnoses: the principal diagnosis first.
        names_visit: whether the claim names the encounter; else it begins on the same day.
        is_secret: whether the payer's answer to the claim is labelled, and nothing else.
    """

    person: str
    diagnoses: tuple[Diagnosis, ...]
    names_visit: bool
    is_secret: bool


def random_stays(chance: random.Random, codes: Mapping[str, Sequence[str]], numbers: Iterable[int]) -> list[Stay]:
    """Stays with up to 20 secondary diagnoses: of a category picked first, or of none.

    Args:
        chance: source of randomness.
        codes: by category.
        numbers: what patients are numbered with.
    """
    categories = sorted(codes)

    def diagnosis() -> Diagnosis:
        if chance.random() < 0.6:
            code = chance.choice(codes[chance.choice(categories)])
        else:
            code = f"{chance.choice('JLMNR')}{chance.randrange(100):02d}{chance.randrange(10)}"
        told = chance.choices(["Y", "N", "U", "W", None], [80, 10, 4, 5, 1])[0]
        return Diagnosis(code, told)

    return [
        Stay(
            f"stay-{number}",
            tuple(diagnosis() for _ in range(chance.randrange(1, 21))),
            names_visit=chance.random() < 0.7,
            is_secret=chance.random() < 0.01,
        )
        for number in numbers
    ]


def resources(chance: random.Random, stays: Iterable[Stay]) -> Iterator[Resource]:
    """All that a source sends of the stays; the admitting diagnosis is one of the others, as it mostly is."""
    for stay in stays:
        yield patient(stay.person, "1960-04-12", f"MRN-{stay.person}")
        yield visit(stay.person, f"{stay.person}-visit", "2026-05-01", "2026-05-06", "IMP")
        types = [["principal"], *(chance.choice(_SECONDARY) for _ in stay.diagnoses[1:]), ["admitting"]]
        told = []
        for number, (one, kinds) in enumerate(
            zip([*stay.diagnoses, chance.choice(stay.diagnoses)], types, strict=True), 1
        ):
            code = coded(ICD10, _written(chance, one.code))
            said: Resource = {"sequence": number, "diagnosisCodeableConcept": code}
            if chance.random() < 0.1:
                name = f"{stay.person}-{number}"
                yield condition(stay.person, name, code, "encounter-diagnosis")
                said = {"sequence": number, "diagnosisReference": {"reference": f"Condition/{name}"}}
            if kinds:
                said["type"] = [coded(_RANK, kind) for kind in kinds]
            if one.on_admission:
                letter = chance.choice((one.on_admission, one.on_admission.lower()))
                said["onAdmission"] = coded(_ON_ADMISSION, letter)
            told.append(said)
        yield _answer(stay, told) | (SECRET if stay.is_secret else {})


def _written(chance: random.Random, code: str) -> str:
    """Sources write codes with a dot, claims often without."""
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 and chance.random() < 0.5 else code


def _answer(stay: Stay, diagnoses: Sequence[Resource]) -> Resource:
    item = {"sequence": 1, "productOrService": {"text": "room"}, "net": {"value": 5, "currency": "USD"}}
    if stay.names_visit:
        item["encounter"] = [{"reference": f"Encounter/{stay.person}-visit"}]
    return {
        "resourceType": "ExplanationOfBenefit",
        "id": f"{stay.person}-answer",
        "status": "active",
        "use": "claim",
        "outcome": "complete",
        "type": coded(_TYPE, "institutional"),
        "subType": coded("urn:claim-subtype", "inpatient"),
        "patient": {"reference": f"Patient/{stay.person}"},
        "billablePeriod": {"start": "2026-05-01", "end": "2026-05-06"},
        "created": "2026-05-09",
        "insurer": {"display": "payer"},
        "provider": {"display": "hospital"},
        "insurance": [{"focal": True, "coverage": {"display": "Medicare"}}],
        "diagnosis": diagnoses,
        "item": [item],
    }
