"""Records as hospitals send them, each there for one rule of routing, and what the vocabulary needs to show it.

Codes of SNOMED CT, LOINC, RxNorm and UCUM are looked up in ``../shared/data/vocabulary``, of which nothing is copied
here. It has no code of two concepts, no ``Maps to value`` and no diagnosis that was replaced without a ``Maps to``: one
of each is added to it.
"""

import csv
import gzip
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.dbt_project.golden.case import SNOMED, UCUM, told
from tests.dbt_project.population import ICD10, LOINC, coded, of, patient

Resource = dict[str, Any]
SOURCE = "routing"
"""Source system of these records."""
LOCAL = "urn:oid:1.2.3.4.5.99"
STARTER = Path(__file__).resolve().parents[2] / "pipelines" / "vocabulary" / "starter"

_KIDNEY, _INFARCTION, _PREMATURE = "2100000301", "2100000302", "2100000303"
_DAYS = ["19700101", "20991231", ""]
_ADDED = [
    [_KIDNEY, "Type 2 diabetes with kidney disease", "Condition", "ICD10CM", "5-char billing code", "", "E11.22"],
    [_INFARCTION, "Old myocardial infarction", "Observation", "ICD10CM", "4-char billing code", "", "I25.2"],
    [_PREMATURE, "Premature infant", "Condition", "SNOMED", "Clinical Finding", "S", "395507008"],
]
_LINKED = [
    (_KIDNEY, ("SNOMED", "44054006"), "Maps to"),
    (_KIDNEY, ("SNOMED", "433144002"), "Maps to"),
    (_INFARCTION, ("SNOMED", "399211009"), "Maps to"),
    (_INFARCTION, ("SNOMED", "22298006"), "Maps to value"),
]


@dataclass(frozen=True)
class Vocabulary:
    """A download's files as they are: concepts by vocabulary and code, and valid links by concept and relationship."""

    concepts: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    by_id: dict[str, dict[str, str]] = field(default_factory=dict)
    links: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def concept(self, vocabulary: str, code: str) -> int:
        """Number of the concept of a code.

        Raises:
            KeyError: there is none.
        """
        return int(self.concepts[vocabulary, code]["concept_id"])

    def standard(self, vocabulary: str, code: str) -> list[tuple[str, int]]:
        """Domain and number of the standard concepts that a code maps to."""
        found = [self.by_id[number] for number in self.links[str(self.concept(vocabulary, code)), "Maps to"]]
        return sorted((concept["domain_id"], int(concept["concept_id"])) for concept in found)

    def is_standard(self, vocabulary: str, code: str) -> bool:
        """Whether the concept of a code is a standard one."""
        return self.concepts[vocabulary, code]["standard_concept"] == "S"

    def is_deprecated(self, vocabulary: str, code: str) -> bool:
        """Whether the concept of a code is no longer valid."""
        return self.concepts[vocabulary, code]["invalid_reason"] != ""


def read(folder: Path) -> Vocabulary:
    """Read the files of a download, gzipped or not."""
    vocabulary = Vocabulary()
    for concept in csv.DictReader(_lines(folder, "CONCEPT"), delimiter="\t", quoting=csv.QUOTE_NONE):
        vocabulary.concepts[concept["vocabulary_id"], concept["concept_code"]] = concept
        vocabulary.by_id[concept["concept_id"]] = concept
    for link in csv.DictReader(_lines(folder, "CONCEPT_RELATIONSHIP"), delimiter="\t", quoting=csv.QUOTE_NONE):
        if not link["invalid_reason"]:
            vocabulary.links[link["concept_id_1"], link["relationship_id"]].append(link["concept_id_2"])
    return vocabulary


def write_vocabulary(shared: Path, folder: Path) -> Vocabulary:
    """Write the shared download with what is added to it, and give what is in it."""
    folder.mkdir()
    known = read(shared)
    retired = str(known.concept("SNOMED", "65588006"))
    links = [[one, str(known.concept(*other)), kind] for one, other, kind in _LINKED]
    links += [[retired, _PREMATURE, "Concept replaced by"], [_PREMATURE, _PREMATURE, "Maps to"]]
    added = {"CONCEPT": _ADDED, "CONCEPT_RELATIONSHIP": links, "CONCEPT_ANCESTOR": []}
    for stem, rows in added.items():
        lines = ["\t".join([*row, *_DAYS]) for row in rows]
        (folder / f"{stem}.csv").write_text("\n".join([*_lines(shared, stem), *lines, ""]))
    return read(folder)


def _lines(folder: Path, stem: str) -> list[str]:
    zipped = folder / f"{stem}.csv.gz"
    content = gzip.decompress(zipped.read_bytes()) if zipped.exists() else (folder / f"{stem}.csv").read_bytes()
    return content.decode().splitlines()


_PERSON = "routed"


def codings(*parts: tuple[str, str] | tuple[str, str, bool]) -> Resource:
    """A concept of several codings: system, code, and whether the user chose it."""
    found = []
    for system, code, *chosen in parts:
        found.append({"system": system, "code": code} | ({"userSelected": True} if chosen else {}))
    return {"coding": found, "text": "as the clinician wrote it"}


def _condition(name: str, code: Resource) -> Resource:
    return of(
        _PERSON, "Condition", name, code=code, clinicalStatus=told("active", "condition-clinical"),
        verificationStatus=told("confirmed", "condition-ver-status"),
        category=[told("encounter-diagnosis", "condition-category")],
        onsetDateTime="2026-02-03T09:12:00-05:00", recordedDate="2026-02-03",
    )  # fmt: skip


def _observed(name: str, code: Resource, category: str, **value: Any) -> Resource:
    return of(
        _PERSON, "Observation", name, status="final", code=code, category=[told(category, "observation-category")],
        effectiveDateTime="2026-02-03T09:12:00-05:00", issued="2026-02-03T10:00:00.000-05:00", **value,
    )  # fmt: skip


def _quantity(value: float, **unit: str) -> Resource:
    return {"valueQuantity": {"value": value, **unit}}


SEVERAL = {
    "first-known": (
        codings((LOCAL, "GI-1"), (SNOMED, "15777000"), (ICD10, "K92.2"), (SNOMED, "44054006")),
        ("ICD10CM", "K92.2"),
    ),
    "chosen": (codings((ICD10, "K92.2"), (SNOMED, "44054006", True)), ("SNOMED", "44054006")),
    "more-specific": (codings((SNOMED, "68566005"), (SNOMED, "301011002")), ("SNOMED", "301011002")),
    "more-specific-first": (codings((SNOMED, "301011002"), (SNOMED, "68566005")), ("SNOMED", "301011002")),
}
"""Codings of conditions, and of which of them the concept is."""

UNITS: dict[str, tuple[dict[str, str], str | None]] = {
    "code": ({"unit": "millimetres of mercury", "system": UCUM, "code": "mm[Hg]"}, "mm[Hg]"),
    "words": ({"unit": "mg/dL"}, "mg/dL"),
    # The vocabulary says what replaced each, by one step and by two, and has no Maps to.
    "deprecated": ({"unit": "C", "system": UCUM, "code": "[degC]"}, "Cel"),
    "deprecated-twice": ({"unit": "mL/min/1.73", "system": UCUM, "code": "mL/min/{1.73}m"}, "mL/min/(173.10*-2.m2)"),
    "unknown": ({"unit": "furlong", "system": UCUM, "code": "furlong"}, None),
    "none": ({}, None),
}
"""Units of results, and the code of UCUM that each is."""

UNMAPPED = {"RARE": 1, "OFTEN": 3, "SOMETIMES": 2}
"""Codes of the hospital's own, and of how many conditions each is."""

GLUCOSE, PROTEIN, SMOKING = coded(LOINC, "2345-7"), coded(LOINC, "20454-5"), coded(LOINC, "72166-2")
RECORDS = [
    patient(_PERSON, "1960-04-12", "MRN-ROUTED"),
    _condition("obese", coded(SNOMED, "408512008")),
    of(
        _PERSON, "Procedure", "urine-culture", status="completed", code=coded(SNOMED, "117010004"),
        performedPeriod={"start": "2026-02-03T09:00:00-05:00", "end": "2026-02-03T09:10:00-05:00"},
    ),
    _observed("guided-biopsy", coded(LOINC, "46288-7"), "imaging"),
    _condition("diabetic-kidney", coded(ICD10, "E11.22")),
    _condition("old-infarction", coded(ICD10, "I25.2")),
    _condition("injured-brain", coded(SNOMED, "275272006")),
    _condition("premature", coded(SNOMED, "65588006")),
    _observed(
        "filtration", coded(LOINC, "33914-3"), "laboratory", **_quantity(78, unit="mL/min", system=UCUM, code="mL/min")
    ),
    *(_condition(name, code) for name, (code, _) in SEVERAL.items()),
    *(_observed(f"unit-{name}", GLUCOSE, "laboratory", **_quantity(9, **unit)) for name, (unit, _) in UNITS.items()),
    _observed("smoker", SMOKING, "social-history", valueCodeableConcept=coded(SNOMED, "449868002")),
    _observed("protein", PROTEIN, "laboratory", valueCodeableConcept=coded(LOCAL, "PLUS-PLUS")),
    *(
        _condition(f"{code.lower()}-{number}", coded(LOCAL, code))
        for code, rows in UNMAPPED.items() for number in range(rows)
    ),
]  # fmt: skip
