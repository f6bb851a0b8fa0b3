"""Whatever arrives: reading never crashes, every record is accounted for, and real input loads whole."""

import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.fhir import ingest_fhir
from pipelines.fhir.mapping import MAPPED_TYPES
from pipelines.fhir.reading import chunks, kind_of, records
from pipelines.fhir.worker import Unusable, interpret
from pipelines.landing import is_whole
from resources.postgres import Database
from resources.settings import Settings
from tests.pipelines.fhir.synthetic import clinical, encounter, observation, patient, prescription, rows, task

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
REASON = re.compile(r"[a-z][a-z0-9_]*(:[a-z-]+)?")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CLAIM = {
    "id": "1",
    "status": "active",
    "use": "claim",
    "type": {},
    "subType": {},
    "patient": {"reference": "Patient/p1"},
    "billablePeriod": {"start": "2025"},
    "provider": {},
    "careTeam": [{"provider": {}}],
    "insurance": [{"focal": True, "coverage": {}}],
    "diagnosis": [{"diagnosisCodeableConcept": {}, "type": [{}]}],
    "procedure": [{"sequence": 1, "procedureCodeableConcept": {}, "date": "2025"}],
    "supportingInfo": [{"sequence": 1, "category": {}, "valueReference": {}}],
    "item": [{"net": {"value": 1}, "procedureSequence": [1], "encounter": [{}], "revenue": {}}],
}
TEMPLATES = [
    patient(address=[{"city": "x"}], identifier=[{"system": "a", "value": "b"}]),
    encounter(location=[{"location": {"reference": "Location/1"}, "period": {"start": "2025"}}], participant=[]),
    observation(valueQuantity={"value": 1, "unit": "x"}, category=[{"text": "x"}], component=[], referenceRange=[]),
    prescription(dispenseRequest={"quantity": {"value": 1}}, dosageInstruction=[{"timing": {}, "doseAndRate": [{}]}]),
    clinical("Immunization", "1", status="completed", vaccineCode={}, occurrenceDateTime="2025", performer=[]),
    {"resourceType": "Medication", "id": "1", "code": {}, "identifier": [], "status": "active"},
    clinical("MedicationDispense", "1", status="completed", medicationReference={}, daysSupply={}, quantity={}),
    clinical("MedicationAdministration", "1", status="completed", medicationCodeableConcept={}, dosage={}, context={}),
    clinical("MedicationStatement", "1", status="active", medicationReference={}, dosage=[{}], effectivePeriod={}),
    clinical("Condition", "1", code={}, clinicalStatus={}, onsetPeriod={}, recordedDate="2025"),
    clinical("Procedure", "1", status="completed", code={}, performedPeriod={}),
    clinical("ServiceRequest", "1", status="active", intent="order", code={}, authoredOn="2025", reasonCode=[{}]),
    clinical("DeviceRequest", "1", status="active", intent="order", codeCodeableConcept={}, occurrencePeriod={}),
    {"resourceType": "Device", "id": "1", "type": {}, "udiCarrier": [{}], "patient": {"reference": "Patient/p1"}},
    clinical("DeviceUseStatement", "1", status="active", device={"display": "x"}, timingPeriod={}),
    {"resourceType": "Specimen", "id": "1", "subject": {"reference": "Patient/p1"}, "type": {}, "collection": {}},
    clinical("AdverseEvent", "1", actuality="actual", event={}, date="2025", category=[]),
    clinical("Goal", "1", lifecycleStatus="active", description={}, startDate="2025"),
    clinical("Composition", "1", status="final", type={}, title="x", section=[{"text": {"div": "x"}}], author=[{}]),
    clinical("AllergyIntolerance", "1", code={}, type="allergy", category=["food"]),
    clinical("DiagnosticReport", "1", status="final", code={}, presentedForm=[{"data": "eA=="}]),
    clinical("DocumentReference", "1", status="current", content=[{"attachment": {"data": "eA=="}}], context={}),
    {"resourceType": "Practitioner", "id": "1", "qualification": [], "birthDate": "1970", "identifier": []},
    {"resourceType": "PractitionerRole", "id": "1", "active": True, "practitioner": {}, "specialty": [], "period": {}},
    {"resourceType": "Organization", "id": "1", "type": [], "address": [], "name": "x", "partOf": {}},
    {"resourceType": "Location", "id": "1", "type": [], "address": {}, "managingOrganization": {}},
    clinical("CareTeam", "1", status="active", period={}, participant=[{}], managingOrganization=[]),
    {"resourceType": "Consent", "id": "1", "status": "active", "patient": {"reference": "Patient/p1"}, "provision": {}}
    | {"scope": {}, "category": [], "policy": [], "policyRule": {}, "dateTime": "2025"},
    {"resourceType": "Coverage", "id": "1", "status": "active", "beneficiary": {"reference": "Patient/p1"}, "payor": []}
    | {"class": [], "period": {}, "type": {}, "subscriber": {}, "relationship": {}, "identifier": []},
    {"resourceType": "Claim", **CLAIM, "total": {"value": 1, "currency": "x"}, "prescription": {}, "identifier": []},
    {"resourceType": "ExplanationOfBenefit", **CLAIM, "outcome": "complete", "total": [], "payment": {"amount": {}}}
    | {"claim": {}, "addItem": [{"adjudication": [{"amount": {"value": 1}}]}], "adjudication": []},
    {
        "resourceType": "Task",
        "id": "1",
        "status": "rejected",
        "intent": "order",
        "code": {"coding": [{"code": "fulfill"}]},
    }
    | {"focus": {"reference": "ServiceRequest/1"}, "for": {"reference": "Patient/p1"}},
    {"resourceType": "Provenance", "id": "1", "target": [{"reference": "Patient/p1"}], "agent": [{}], "recorded": "x"},
]


def accounted(content: bytes, validation: Any) -> int:
    """How many records a line gives; what is said of them is fixed words."""
    found = interpret(task(content, validation))
    said = [record.reason if isinstance(record, Unusable) else record[0].outcome for record in found]
    assert all(REASON.fullmatch(word) for word in said), said
    return len(said)


@QUICK
@given(content=st.binary(max_size=400), name=st.sampled_from(["1.json", "1.ndjson", "1.json.gz"]), packed=st.booleans())
def test_arbitrary_bytes_are_read_to_their_end(tmp_path: Path, content: bytes, name: str, packed: bool) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if packed else content)
    kind = kind_of(path)
    if is_whole(path):
        lines = [line for group in chunks(path, kind, 3) for line in group]
        # What an erasure leaves behind is no record.
        assert all(accounted(line, "full") == 1 or b"erased" in line for _, line in lines)
        if kind == "fhir-ndjson" and (packed or not content.startswith(b"\x1f\x8b")):
            assert [line for _, line in lines] == [line for line in io.BytesIO(content) if line.strip()]


NAMES = st.sampled_from(["a", "b", '"', '":', "\\", " :", "é", "\n:"])
SPACES = st.sampled_from(["", "", "", " ", "  ", "\n", "\t \r"])


def written(value: Any, data: st.DataObject) -> str:
    """JSON text of pairs, lists and texts, with spaces and escapes wherever they may be."""
    if isinstance(value, str):
        escaped = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
        return escaped.replace(":", "\\u003a") if data.draw(st.booleans()) else escaped
    space = data.draw(SPACES)
    if value and isinstance(value[0], tuple):
        members = (f"{written(name, data)}{data.draw(SPACES)}:{space}{written(part, data)}" for name, part in value)
        return "{" + f"{space},".join(members) + "}"
    return "[" + ",".join(written(part, data) for part in value) + "]"


@QUICK
@given(
    value=st.recursive(
        NAMES, lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(NAMES, inner), min_size=1, max_size=4)
    ),
    data=st.data(),
)
def test_a_name_that_is_there_twice_is_seen_however_it_is_written(value: Any, data: st.DataObject) -> None:
    def twice(part: Any) -> bool:
        if not isinstance(part, list):
            return False
        pairs = [inner for inner in part if isinstance(inner, tuple)]
        names = [name for name, _ in pairs]
        return len(set(names)) < len(names) or any(map(twice, [inner for _, inner in pairs] or part))

    (record,) = records((1, written(value, data).encode()))
    assert (record.problem == "duplicate_key") is twice(value)


@QUICK
@given(value=JSON, data=st.data(), validation=st.sampled_from(["full", "structural"]))
def test_any_value_in_any_element_is_accounted_for(value: Any, data: st.DataObject, validation: str) -> None:
    template = data.draw(st.sampled_from(TEMPLATES))
    element = data.draw(
        st.sampled_from([*sorted(template), "meta", "extension", "contained", "modifierExtension", "securityLabel"])
    )
    inside = data.draw(st.booleans())
    part = template.get(element)
    if inside and isinstance(part, dict) and part:
        value = part | {data.draw(st.sampled_from(sorted(part))): value}
    elif inside and isinstance(part, list):
        value = [value]
    try:
        content = orjson.dumps(template | {element: value})
    except TypeError:
        return
    assert accounted(content, validation) == 1 or value == "Bundle"


def test_a_template_for_every_mapped_type() -> None:
    assert {template["resourceType"] for template in TEMPLATES} == MAPPED_TYPES


def test_a_synthea_export_loads_whole(settings: Settings, db: Database, shared_data: Path) -> None:
    folder = shared_data / "fhir-r4" / "synthea-10-notes"
    lines = sum(gzip.decompress(path.read_bytes()).count(b"\n") for path in folder.glob("*.ndjson.gz"))
    account = ingest_fhir(settings, db, [folder])
    assert account.closes
    assert not account.quarantined
    assert account.read.total() == lines
    assert set(account.excluded) <= {"no_mapping", "status:superseded"}
    assert len(rows(db, "person")) == account.loaded["Patient"] > 0
    assert len(rows(db, "visit_occurrence")) == account.loaded["Encounter"]
    assert len(rows(db, "note")) >= account.loaded["DocumentReference"] > 0
    known = {row["person_key"] for row in rows(db, "person", "person_key")}
    assert {row["person_key"] for row in rows(db, "condition_occurrence", "DISTINCT person_key")} <= known
