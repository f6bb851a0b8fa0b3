"""HL7 v2 data types to plain values: text with escapes, time stamps, coded elements.

Dates: the date is the local date as written and is never shifted; a partial date stands for the first day of what it
names; a time of day exists only where the hour was written.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

DELETED = '""'
"""A field that says: delete the value (HL7 v2.5.1 §2.5.3.4)."""

_STAMP = re.compile(r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)?(\d\d)?(?:\.?(\d{1,6}))?)?([+-]\d{4})?")
_ESCAPE = re.compile(r"\\([^\\]{1,64})\\")
_HEXADECIMAL = re.compile(r"X((?:[0-9A-Fa-f]{2})+)")
_LINES = re.compile(r"\.sp\+?(\d{0,3})")
_LAYOUT = re.compile(r"H|N|\.(?:in|ti)[+-]?\d{0,4}|\.(?:fi|nf|ce)")
"""Sequences that change how text looks and stand for no character."""

LAST_YEAR = 9998
"""Years after it stand for "no end", as in 99991231."""

_SYSTEMS = {
    "LN": "http://loinc.org",
    "LNC": "http://loinc.org",
    "LOINC": "http://loinc.org",
    "SCT": "http://snomed.info/sct",
    "SNM": "http://snomed.info/sct",
    "SNOMED": "http://snomed.info/sct",
    "SNOMEDCT": "http://snomed.info/sct",
    "I10": "http://hl7.org/fhir/sid/icd-10-cm",
    "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD10": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD10CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "I9": "http://hl7.org/fhir/sid/icd-9-cm",
    "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
    "I9CDX": "http://hl7.org/fhir/sid/icd-9-cm",
    "ICD9": "http://hl7.org/fhir/sid/icd-9-cm",
    "ICD9CM": "http://hl7.org/fhir/sid/icd-9-cm",
    "RXN": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "NDC": "http://hl7.org/fhir/sid/ndc",
    "CVX": "http://hl7.org/fhir/sid/cvx",
    "C4": "http://www.ama-assn.org/go/cpt",
    "CPT": "http://www.ama-assn.org/go/cpt",
    "CPT4": "http://www.ama-assn.org/go/cpt",
    "UCUM": "http://unitsofmeasure.org",
    "ISO+": "http://unitsofmeasure.org",
    "CDCREC": "urn:oid:2.16.840.1.113883.6.238",
    "HL70005": "urn:oid:2.16.840.1.113883.6.238",
}
"""HL7 table 0396 to the URIs that FHIR has for the same systems."""

UNITS = _SYSTEMS["UCUM"]


def unescaped(text: str, delimiters: dict[str, str]) -> str:
    r"""``text`` with escape sequences replaced; unknown and unpaired ones stay as they are.

    Args:
        text: a field or part of one, after it was split.
        delimiters: what the letters F, S, T, R, E, P stand for in this message.

    Source: HL7 v2.5.1 §2.7, v2.7 §2.7.
    """
    escape = delimiters["E"]
    if not escape or escape not in text:
        return text
    pattern = _ESCAPE if escape == "\\" else re.compile(_ESCAPE.pattern.replace("\\\\", re.escape(escape)))
    return pattern.sub(lambda match: _escaped(match, delimiters), text)


def _escaped(match: re.Match[str], delimiters: dict[str, str]) -> str:
    sequence = match.group(1)
    if sequence in delimiters:
        return delimiters[sequence] or match.group()
    if sequence.startswith(".br"):
        return "\n"
    lines = _LINES.fullmatch(sequence)
    if lines:
        return "\n" * int(lines.group(1) or 1)
    if _LAYOUT.fullmatch(sequence):
        return ""
    hexadecimal = _HEXADECIMAL.fullmatch(sequence)
    if hexadecimal:
        return _of_bytes(bytes.fromhex(hexadecimal.group(1)))
    return match.group()


def _of_bytes(content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\x00", "")


@dataclass(frozen=True)
class Timestamp:
    """A time stamp as written.

    Attributes:
        day: the local date; the first of the month or year where the rest is missing.
        local: the local time without offset, None where no hour was written.
        digits: how many digits of year, month and day were written: 4, 6 or 8.
        offset: the offset from UTC, None where none was written.
        text: as written, which says how precise it is.
    """

    day: date
    local: datetime | None
    digits: int
    offset: timedelta | None
    text: str = field(default="", compare=False)

    def instant(self, zone: tzinfo) -> datetime:
        """The instant in UTC; ``zone`` counts where no offset was written, midnight where no hour was."""
        place = zone if self.offset is None else timezone(self.offset)
        local = self.local or datetime(self.day.year, self.day.month, self.day.day)
        try:
            return local.replace(tzinfo=place).astimezone(UTC)
        except OverflowError:
            return local.replace(tzinfo=UTC)

    def doubtful_hour(self, zone: tzinfo) -> str | None:
        """``ambiguous_time`` or ``nonexistent_time`` where clocks are changed; None elsewhere and with an offset."""
        if self.offset is not None or self.local is None or self.day.year in (1, 9999):
            return None
        first, second = (self.local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
        if first is None or second is None or first == second:
            return None
        return "ambiguous_time" if first > second else "nonexistent_time"


@lru_cache(maxsize=1 << 13)
def timestamp(text: str) -> Timestamp | None:
    """A TS or DTM value of any precision; None if it is none, such as ``00000000`` or 24 o'clock.

    Source: HL7 v2.5.1 §2.A.22 DTM.
    """
    match = _STAMP.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        written = date(int(year), int(month or 1), int(day or 1))
        local = None
        if hour:
            microsecond = int((fraction or "0").ljust(6, "0"))
            clock = (int(hour), int(minute or 0), int(second or 0), microsecond)
            local = datetime(written.year, written.month, written.day, *clock)
        return Timestamp(written, local, 8 if day else 6 if month else 4, _offset(zone), text)
    except ValueError:
        return None


def _offset(text: str | None) -> timedelta | None:
    if not text:
        return None
    size = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    if size >= timedelta(hours=24):
        raise ValueError("offset of a day or more")
    return -size if text[0] == "-" else size


def system_uri(name: str) -> str:
    """URI of a coding system named as in HL7 table 0396; a local name becomes ``urn:hl7v2:<name>``."""
    return _SYSTEMS.get(name.upper().replace("-", ""), f"urn:hl7v2:{name}")


def coding(code: str, display: str, system: str) -> dict[str, str] | None:
    """A coding without absent parts, None without a code."""
    if not code or code == DELETED:
        return None
    parts = {"system": system_uri(system) if system else "", "code": code, "display": display}
    return {name: value for name, value in parts.items() if value and value != DELETED}


def canonical_authority(namespace: str, universal_id: str, default: str) -> str:
    """An assigning authority as ``pipelines.fhir`` has it: the universal id without ``urn:oid:``, else a name."""
    return universal_id.removeprefix("urn:oid:") or namespace or default
