"""HL7 v2.5.1 messages: segments and the messages made of them. What happens to whom is ``feed``'s business."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines.demo.cohort import MEDICAL_RECORD_NUMBER, Person

FACILITY = "GENHOSP"
RECORD_AUTHORITY = f"{FACILITY}&{MEDICAL_RECORD_NUMBER}&URI"
VISIT_AUTHORITY = f"{FACILITY}&http://hospital.example.org/identifiers/visit&URI"
STAFF_AUTHORITY = "STAFF&urn:clinosim:staff&URI"

_STRUCTURES = {
    "ADT^A01": "ADT_A01",
    "ADT^A02": "ADT_A02",
    "ADT^A03": "ADT_A03",
    "ADT^A04": "ADT_A01",
    "ADT^A08": "ADT_A01",
    "ADT^A11": "ADT_A09",
    "ADT^A13": "ADT_A01",
    "ADT^A28": "ADT_A05",
    "ADT^A40": "ADT_A39",
    "ORU^R01": "ORU_R01",
}
_ESCAPES = str.maketrans({character: f"\\{letter}\\" for character, letter in zip("\\|^&~", "EFSTR", strict=True)})


@dataclass(frozen=True)
class Message:
    """One message without its control id: ``kind`` is MSH-9.1^MSH-9.2, ``delivered`` when it reaches the inbox.

    ``delivered`` is later than ``sent`` where the feed delivers out of order.
    """

    kind: str
    sent: datetime
    delivered: datetime
    segments: tuple[str, ...]

    def render(self, control_id: str) -> str:
        """The message with carriage returns at the ends of its segments."""
        header = segment(
            "MSH",
            {
                2: r"^~\&",
                3: "REGADT" if self.kind.startswith("ADT") else "LAB",
                4: FACILITY,
                5: "SANCTUM",
                6: "DATAPLATFORM",
                7: stamp(self.sent),
                9: f"{self.kind}^{_STRUCTURES[self.kind]}",
                10: control_id,
                11: "P",
                12: "2.5.1",
                18: "UNICODE UTF-8",
            },
        )
        return "".join(f"{line}\r" for line in (header, *self.segments))


@dataclass(frozen=True)
class Stay:
    """The visit that messages are about; ``patient_class`` is PV1-2 (I inpatient, E emergency)."""

    person: Person
    record_number: str
    visit_number: str
    patient_class: str
    attending: str
    service: str
    start: datetime


def segment(name: str, fields: dict[int, str]) -> str:
    """A segment from its HL7 field numbers; MSH-1 is the separator itself, so MSH counts from 2."""
    first = 2 if name == "MSH" else 1
    last = max(number for number, value in fields.items() if value)
    return "|".join([name, *(fields.get(number, "") for number in range(first, last + 1))])


def text(value: str) -> str:
    """``value`` with the delimiters escaped (HL7 v2.5.1, section 2.7)."""
    return value.translate(_ESCAPES)


def stamp(moment: datetime) -> str:
    """A time stamp in UTC with its offset; naive datetimes are UTC."""
    return moment.strftime("%Y%m%d%H%M%S+0000")


def practitioner_as_xcn(practitioner: dict[str, Any]) -> str:
    """A FHIR Practitioner as an extended composite name with its staff number."""
    name = practitioner["name"][0]
    family, given = text(name["family"]), text(name["given"][0])
    return f"{practitioner['id']}^{family}^{given}^^^^^^{STAFF_AUTHORITY}"


def event(kind: str, recorded: datetime, occurred: datetime) -> str:
    """EVN: recorded and occurred times."""
    return segment("EVN", {1: kind.partition("^")[2], 2: stamp(recorded), 6: stamp(occurred)})


def patient(person: Person, record_number: str, *, phone: str | None = None) -> str:
    """PID from the FHIR patient; ``phone`` replaces the telephone number where a message updates it."""
    resource = person.patient
    name = resource["name"][0]
    address = resource["address"][0]
    fields = {
        1: "1",
        3: identifier(record_number),
        5: f"{text(name['family'])}^{'^'.join(text(given) for given in name['given'][:2])}",
        7: person.birth_date.strftime("%Y%m%d"),
        8: "F" if person.female else "M",
        11: _address(address),
        13: text(phone or _phone(resource)),
    }
    return segment("PID", fields)


def identifier(record_number: str) -> str:
    """A medical record number as PID-3 holds it: the authority's universal id is the FHIR identifier system."""
    return f"{record_number}^^^{RECORD_AUTHORITY}^MR"


def visit(stay: Stay, location: str, *, prior: str = "", disposition: str = "", end: datetime | None = None) -> str:
    """PV1 of ``stay`` at ``location`` (PV1-3)."""
    fields = {
        1: "1",
        2: stay.patient_class,
        3: location,
        6: prior,
        7: stay.attending,
        10: stay.service,
        19: f"{stay.visit_number}^^^{VISIT_AUTHORITY}^VN",
        36: disposition,
        44: stamp(stay.start),
        45: stamp(end) if end else "",
    }
    return segment("PV1", fields)


def diagnosis(code: str, name: str) -> str:
    """DG1: the admitting diagnosis in ICD-10-CM."""
    return segment("DG1", {1: "1", 3: f"{code}^{text(name)}^I10C", 6: "A"})


def order(number: str, panel: tuple[str, str], observed: datetime, provider: str) -> str:
    """OBR of a final laboratory panel, coded in LOINC."""
    fields = {1: "1", 3: f"{number}^LAB", 4: f"{panel[0]}^{text(panel[1])}^LN", 7: stamp(observed), 16: provider}
    return segment("OBR", fields | {22: stamp(observed), 24: "LAB", 25: "F"})


def result(number: int, code: tuple[str, str], value: float, unit: str, span: str, observed: datetime) -> str:
    """OBX: a final numeric result, coded in LOINC with a UCUM unit; ``span`` is the reference range."""
    fields = {1: str(number), 2: "NM", 3: f"{code[0]}^{text(code[1])}^LN", 5: f"{value:g}", 6: f"{unit}^{unit}^UCUM"}
    return segment("OBX", fields | {7: span, 8: _flag(value, span), 11: "F", 14: stamp(observed)})


def batch(messages: Sequence[str], moment: datetime, name: str) -> str:
    """``messages`` in a file and batch envelope (HL7 v2.5.1, section 2.10.3)."""
    head = {2: r"^~\&", 3: "REGADT", 4: FACILITY, 5: "SANCTUM", 6: "DATAPLATFORM", 7: stamp(moment), 9: name, 11: name}
    opening = [f"{kind}|{segment('MSH', head)[4:]}\r" for kind in ("FHS", "BHS")]
    return "".join([*opening, *messages, f"BTS|{len(messages)}\r", "FTS|1\r"])


def _flag(value: float, span: str) -> str:
    low, _, high = span.partition("-")
    if value < float(low):
        return "L"
    return "H" if value > float(high) else "N"


def _phone(resource: dict[str, Any]) -> str:
    numbers = [t["value"] for t in resource.get("telecom", []) if t.get("system") == "phone"]
    return str(numbers[0]) if numbers else ""


def _address(address: dict[str, Any]) -> str:
    parts = (address["line"][0], "", address["city"], address["state"], address["postalCode"], address["country"], "H")
    return "^".join(text(part) for part in parts)
