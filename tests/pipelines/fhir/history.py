"""A FHIR server's history as deliveries, and what bronze must be after them: a model of the rule, not of the code.

A history is a number of files. Each holds versions of resources, some of them deletions, some in several files. The
model says which version is the current one of each resource: ``final`` gives them, to be loaded alone.
"""

import gzip
import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from hypothesis import strategies as st

from tests.pipelines.fhir.synthetic import (
    LOINC,
    Resource,
    clinical,
    concept,
    encounter,
    ndjson,
    observation,
    patient,
    prescription,
)
from tests.pipelines.fhir.test_claims import answer, claim, coverage
from tests.pipelines.fhir.test_provenance import provenance

ERROR: Resource = {"status": "entered-in-error"}
UNVERIFIED: Resource = {"verificationStatus": concept("http://hl7.org/ver", "entered-in-error")}
CODE, OTHER_CODE = concept("http://snomed.info/sct", "1"), concept("http://snomed.info/sct", "2")
WITHOUT_ENCOUNTER = ("DeviceUseStatement", "Goal", "DocumentReference")
SOMEBODY = {"subject": {"reference": "Patient/p2"}}
TEXT = {"status": "generated", "div": "<div>text</div>"}
ATTACHED = {"content": [{"attachment": {"contentType": "text/plain", "data": "eA=="}}]}
PARTS = [{"code": concept(LOINC, code), "valueQuantity": {"value": 9, "code": "1"}} for code in ("1-8", "2-6", "3-4")]


def link(kind: str, other: str) -> Resource:
    return {"link": [{"type": kind, "other": {"reference": f"Patient/{other}"}}]}


def _stated(kind: str, wrong: Resource, **parts: Any) -> list[Resource]:
    """A resource about a patient: as it was, of another encounter, under another code, of somebody else, in error."""
    first = clinical(kind, "1", **parts)
    if kind in WITHOUT_ENCOUNTER:
        del first["encounter"]
    if kind.startswith("Medication"):
        first["context"] = first.pop("encounter")
    visit = "context" if "context" in first else "encounter"
    code = next((name for name in ("code", "vaccineCode", "medicationCodeableConcept", "event") if name in parts), None)
    others: list[Resource] = [wrong]
    others += [{visit: {"reference": "Encounter/e2"}}] if visit in first else []
    others += [SOMEBODY] if "subject" in first else []
    others += [{code: OTHER_CODE}] if code else []
    return [first, *({**first, **other} for other in others)]


def _thing(kind: str, *versions: Resource) -> list[Resource]:
    return [{"resourceType": kind, "id": "1", **version} for version in versions]


MRN = {"identifier": [{"system": "urn:oid:1.2", "value": "100"}]}
TAKEN: Resource = {"status": "completed", "medicationCodeableConcept": CODE}
ORDERED: Resource = {"status": "active", "intent": "order", "authoredOn": "2025-01-01"}
TEAM = {"participant": [{"member": {"reference": "Practitioner/1"}}, {"member": {"reference": "Organization/1"}}]}
CONSENT: Resource = {"status": "active", "patient": {"reference": "Patient/p1"}, "scope": CODE, "category": [CODE]}
REJECTED: Resource = {
    "status": "rejected",
    "intent": "order",
    "code": concept("http://hl7.org/fhir/CodeSystem/task-code", "fulfill"),
    "focus": {"reference": "ServiceRequest/1"},
}

CONTENTS: list[list[Resource]] = [
    [patient(), patient(**MRN), patient(**link("replaced-by", "p2")), {"resourceType": "Patient", "id": "p1"}],
    [patient("p2", **MRN), patient("p2", address=[{"city": "x"}]), patient("p2", **link("replaces", "p1"))],
    [patient("p3", **link("seealso", "p1")), patient("p3", **link("replaced-by", "p2"))],
    [
        encounter(),
        encounter(**SOMEBODY),
        encounter(location=[{"location": {"reference": "Location/1"}, "period": {"start": "2025"}}]),
        encounter(**ERROR),
    ],
    [encounter("e2"), encounter("e2", partOf={"reference": "Encounter/e1"}), encounter("e2", **ERROR)],
    [
        observation(valueInteger=1),
        observation(code=concept(LOINC, "85354-9"), component=PARTS),
        observation(code=concept(LOINC, "85354-9"), component=PARTS[:1]),
        observation(**ERROR),
    ],
    [
        prescription(),
        prescription(encounter={"reference": "Encounter/e2"}),
        prescription(intent="plan"),
        prescription(**ERROR),
    ],
    _stated("Condition", UNVERIFIED, code=CODE),
    _stated("AllergyIntolerance", UNVERIFIED, code=CODE),
    _stated("Procedure", ERROR, status="completed", code=CODE, focalDevice=[{"manipulated": {"display": "x"}}]),
    _stated("Immunization", ERROR, status="completed", vaccineCode=CODE, occurrenceDateTime="2025"),
    _stated("MedicationDispense", ERROR, **TAKEN),
    _stated("MedicationAdministration", ERROR, **TAKEN, effectiveDateTime="2025-01-01"),
    _stated("MedicationStatement", ERROR, **TAKEN),
    _stated("DiagnosticReport", ERROR, status="final", code=CODE, presentedForm=[ATTACHED["content"][0]["attachment"]]),
    _stated("ServiceRequest", ERROR, **ORDERED, code=CODE),
    _stated("DeviceRequest", ERROR, **ORDERED, codeCodeableConcept=CODE),
    _stated("DeviceUseStatement", ERROR, status="active", device={"display": "x"}, timingDateTime="2025"),
    _stated("AdverseEvent", {"actuality": "potential"}, actuality="actual", event=CODE, date="2025"),
    _stated("Goal", {"lifecycleStatus": "entered-in-error"}, lifecycleStatus="active", description=CODE),
    _stated(
        "Composition",
        ERROR,
        **{"status": "final", "title": "x", "type": CODE, "date": "2025", "author": [{"display": "x"}]},
        section=[{"text": TEXT}],
    ),
    _stated("DocumentReference", ERROR, status="current", **ATTACHED),
    _stated("CareTeam", ERROR, status="active", **TEAM),
    [
        {"resourceType": "Specimen", "id": "1", "subject": {"reference": "Patient/p1"}, "type": code, **status}
        for code, status in ((CODE, {}), (OTHER_CODE, {}), (CODE, ERROR))
    ],
    _thing("Consent", {**CONSENT, "provision": {"provision": [{"type": "deny"}]}}, CONSENT, {**CONSENT, **ERROR}),
    _thing("Medication", {"code": CODE}, {"code": OTHER_CODE, **MRN}, ERROR),
    _thing("Device", {"type": CODE}, {"type": CODE, "patient": {"reference": "Patient/p1"}}, ERROR),
    _thing("Practitioner", {"gender": "female"}, MRN, {"birthDate": "1970"}),
    _thing("PractitionerRole", {"practitioner": {"reference": "Practitioner/1"}}, {"active": False}),
    _thing("Organization", {"name": "x", "address": [{"city": "x"}]}, {"name": "y", **MRN}),
    _thing("Location", {"name": "x"}, {"name": "x", "address": {"city": "x"}}),
    _thing("ImagingStudy", {}, ERROR),
    [claim(), claim(item=[]), claim(patient={"reference": "Patient/p2"}), claim(**ERROR)],
    [answer(), answer(payment={"amount": {"value": 3, "currency": "USD"}}), answer(outcome="error"), answer(**ERROR)],
    [coverage(), coverage(period={"start": "2025-01-01"}, order=1), coverage(**ERROR)],
    _thing("Task", REJECTED, {**REJECTED, "for": {"reference": "Patient/p1"}}, {**REJECTED, "status": "accepted"}),
    [provenance("Observation/o1"), provenance("Condition/1"), provenance("Condition/1", agent=[])],
]
"""By resource, contents it has had; the first is loaded."""

TIMES = [
    *(f"2026-01-{day:02d}T00:00:00Z" for day in range(1, 5)),
    # The second day again, in other words, and a moment later.
    "2026-01-02T01:00:00+01:00",
    "2026-01-02T00:00:00.000001Z",
]
START = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = st.sampled_from([0, 12, 24, 60])
FORMS = ["ndjson", "ndjson.gz", "collection", "bundles", "history"]


@dataclass(frozen=True)
class Version:
    """What a resource was: a content, or nothing (deleted); with what the source says of when."""

    resource: Resource
    deleted: bool = False
    time: str | None = None
    number: str | None = None

    @property
    def said(self) -> Resource:
        """``meta`` as the source writes it."""
        said = {"lastUpdated": self.time, "versionId": self.number}
        return {name: value for name, value in said.items() if value is not None}

    @property
    def stated(self) -> Resource:
        """The resource with its ``meta``; of a deleted one its name."""
        named = {name: self.resource[name] for name in ("resourceType", "id")}
        if self.deleted:
            return {**named, "meta": self.said}
        return {**self.resource, "meta": self.said} if self.said else self.resource

    @property
    def entry(self) -> Resource:
        """An entry of a bundle."""
        if not self.deleted:
            return {"resource": self.stated}
        response = {"lastModified": self.time, "etag": self.number and f'W/"{self.number}"'}
        request = {"method": "DELETE", "url": f"{self.resource['resourceType']}/{self.resource['id']}"}
        return {"request": request, "response": {name: value for name, value in response.items() if value is not None}}

    @property
    def line(self) -> Resource:
        """A line of NDJSON."""
        if not self.deleted:
            return self.stated
        entry = {**self.entry, "response": {"etag": self.entry["response"].get("etag")}}
        meta = {"lastUpdated": self.time, "versionId": "77"} if self.time else {"versionId": "77"}
        return {"resourceType": "Bundle", "type": "transaction", "meta": meta, "entry": [entry]}


@dataclass(frozen=True)
class Delivery:
    """One file: versions in the order in which it has them, and the server's time of it."""

    number: int
    versions: Sequence[Version]
    form: str
    as_of: datetime

    @property
    def name(self) -> str:
        """A file name."""
        return f"{self.number}.{'ndjson' if self.form.startswith(('ndjson', 'bundles')) else 'json'}"

    @property
    def content(self) -> bytes:
        """Its bytes; a line of its own keeps two files apart that say the same."""
        own = Version({"resourceType": "Basic", "id": f"delivery-{self.number}"})
        every = [*self.versions, own]
        if self.form.startswith("ndjson"):
            written = ndjson(version.line for version in every)
            return gzip.compress(written, mtime=0) if self.form.endswith("gz") else written
        if self.form == "bundles":
            return ndjson({"resourceType": "Bundle", "type": "batch", "entry": [one.entry]} for one in every)
        entries = [one.entry for one in every]
        return orjson.dumps({"resourceType": "Bundle", "type": self.form, "entry": entries}, option=orjson.OPT_INDENT_2)


@dataclass(frozen=True)
class History:
    """Deliveries, and the loads of them: which files together, in which order, and what goes wrong."""

    deliveries: Sequence[Delivery]
    loads: Sequence[tuple[Sequence[int], str]]

    def final(self) -> list[Version]:
        """Of each resource the version that counts, whatever was loaded first."""
        best: dict[tuple[str, str], tuple[Any, Version]] = {}
        for delivery in self.deliveries:
            for place, version in enumerate(delivery.versions):
                name = (version.resource["resourceType"], version.resource["id"])
                rank = _rank(version, delivery, place)
                if name not in best or rank >= best[name][0]:
                    best[name] = rank, version
        own = [Version({"resourceType": "Basic", "id": f"delivery-{one.number}"}) for one in self.deliveries]
        return [version for _, version in best.values()] + own


def _rank(version: Version, delivery: Delivery, place: int) -> tuple[Any, ...]:
    """Time; then number, a deletion without one last; then deletion; then content. Untimed: file, then place in it."""
    if version.time is None:
        return delivery.as_of, 1, delivery.number, place
    digits = version.number is not None and version.number.isdigit()
    number = int(version.number or "0") if digits else float("inf") if version.deleted else -1
    return datetime.fromisoformat(version.time), 0, number, version.deleted, content_hash(version.stated)


def content_hash(resource: Resource) -> str:
    """What decides between two contents that claim to be one version."""
    return hashlib.sha256(orjson.dumps(resource, option=orjson.OPT_SORT_KEYS)).hexdigest()


@st.composite
def _versions(draw: st.DrawFn) -> list[Version]:
    contents = draw(st.sampled_from(CONTENTS))
    found = []
    for _ in range(draw(st.integers(1, 4))):
        content = draw(st.none() | st.sampled_from(contents))
        time = draw(st.none() | st.sampled_from(TIMES))
        number = draw(st.sampled_from([None, None, "1", "2", "10", "opaque"]))
        found.append(Version(content or contents[0], content is None, time, number))
    return found


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Any history of a dozen resources in up to four files, in up to six loads."""
    files = draw(st.integers(1, 4))
    every = [version for group in draw(st.lists(_versions(), min_size=1, max_size=12)) for version in group]
    placed: list[list[Version]] = [[] for _ in range(files)]
    for version in draw(st.permutations(every)):
        for number in draw(st.lists(st.integers(0, files - 1), min_size=1, max_size=2)):
            placed[number].append(version)
    deliveries = [
        Delivery(number, versions, draw(st.sampled_from(FORMS)), START + timedelta(hours=draw(HOURS)))
        for number, versions in enumerate(placed)
    ]
    order = draw(st.permutations(range(files)))
    cuts = sorted(draw(st.sets(st.integers(0, files))) | {0, files})
    loads = [order[start:end] for start, end in itertools.pairwise(cuts)]
    loads += draw(st.lists(st.lists(st.integers(0, files - 1), min_size=1, max_size=3), max_size=2))
    faults = st.sampled_from(["", "", "", "source", "finish"])
    return History(deliveries, [(load, draw(faults)) for load in draw(st.permutations(loads))])
