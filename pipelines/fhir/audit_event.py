"""Audit events in the words of FHIR R4: one AuditEvent a row of ``audit.event``.

Source: HL7 FHIR R4 (4.0.1) AuditEvent, and IHE Basic Audit Log Patterns (BALP) for what an event about a patient
carries: who asked, who observed, the patient as an entity of type 1 and role 1, and the purpose of use.
Codes: http://terminology.hl7.org/CodeSystem/audit-event-type, DICOM (DCM) part 16, HL7 v3 ActReason. Actions of ours
have a system of their own, ``urn:sanctum:audit-action``.

FHIR has no place for a row count or for a chain's hash; they are in ``entity.detail``. Nothing here is content:
an event holds ids, counts and hashes, and whoever asked is named as the log names them.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

ACTION_SYSTEM = "urn:sanctum:audit-action"
ROLE_SYSTEM = "urn:sanctum:database-role"
SUBJECT_SYSTEM = "urn:sanctum:subject"
PERSON_SYSTEM = "urn:sanctum:person-id"
OBJECT_SYSTEM = "urn:sanctum:object"
EVENT_SYSTEM = "urn:sanctum:audit-event"
# As many ids of one event become entities; row_count, in the detail, has the whole number.
MOST_OBJECTS = 50

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_PURPOSE_SYSTEM = f"{_TERMINOLOGY}/v3-ActReason"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_REST = {"system": f"{_TERMINOLOGY}/audit-event-type", "code": "rest", "display": "RESTful Operation"}
_RECORD = {"system": _DICOM, "code": "110110", "display": "Patient Record"}
_AUDIT_LOG_USED = {"system": _DICOM, "code": "110101", "display": "Audit Log Used"}
_SECURITY = {"system": _DICOM, "code": "110113", "display": "Security Alert"}
_APPLICATION = {"system": _DICOM, "code": "110100", "display": "Application Activity"}

# Create, read, update, delete, execute (http://hl7.org/fhir/audit-event-action); whatever is not named is executed.
_ACTIONS = {
    "claim": "R",
    "read": "R",
    "search": "R",
    "disclosure-accounting": "R",
    "export": "R",
    "emergency-review": "R",
    "embed": "C",
    "decide": "C",
    "restore-signed-heads": "C",
    "consent": "C",
    "update": "U",
    "erase": "D",
    "delete": "D",
}
_TYPES = {
    "claim": _RECORD,
    "read": _REST,
    "search": _REST,
    "embed": _RECORD,
    "decide": _RECORD,
    "erase": _RECORD,
    "delete": _RECORD,
    "disclosure-accounting": _AUDIT_LOG_USED,
    "export": _AUDIT_LOG_USED,
    "emergency-review": _AUDIT_LOG_USED,
    "break-glass": _SECURITY,
}
_INTERACTIONS = {"read": "read", "search": "search-type"}

# Value set http://terminology.hl7.org/ValueSet/v3-PurposeOfUse.
_PURPOSES_OF_USE = {
    "HMARKT", "HOPERAT", "CAREMGT", "DONAT", "FRAUD", "GOV", "HACCRED", "HCOMPL", "HDECD", "HDIRECT", "HDM",
    "HLEGAL", "HOUTCOMS", "HPRGRP", "HQUALIMP", "HSYSADMIN", "LABELING", "METAMGT", "MEMADMIN", "MILCDM",
    "PATADMIN", "PATSFTY", "PERFMSR", "RECORDMGT", "SYSDEV", "HTEST", "TRAIN", "HPAYMT", "CLMATTCH",
    "COVAUTH", "COVERAGE", "ELIGDTRM", "ELIGVER", "ENROLLM", "MILDCRG", "REMITADV", "HRESCH", "BIORCH",
    "CLINTRCH", "CLINTRCHNPC", "CLINTRCHPC", "PRECLINTRCH", "DSRCH", "POARCH", "TRANSRCH", "PATRQT", "FAMRQT",
    "PWATRNY", "SUPNWK", "PUBHLTH", "DISASTER", "THREAT", "TREAT", "CLINTRL", "COC", "ETREAT", "BTG",
    "ERTREAT", "POPHLTH",
}  # fmt: skip


def audit_event(event: Mapping[str, Any], site: str) -> dict[str, Any]:
    """One event as an AuditEvent resource.

    Args:
        event: a row of ``resources.audit.export``.
        site: names this installation (``source.site``).
    """
    action = _word(event["action"])
    is_denied = action == "denied" or action.endswith("-denied")
    # Whatever was denied is told as what was asked for, with another outcome.
    asked = action.removesuffix("-denied")
    interaction = _INTERACTIONS.get(asked)
    return {
        "resourceType": "AuditEvent",
        "id": f"{event['chain']}-{event['sequence']}",
        "type": _TYPES.get(asked, _APPLICATION if event["person_id"] is None else _REST),
        "subtype": [
            *([{"system": "http://hl7.org/fhir/restful-interaction", "code": interaction}] if interaction else []),
            {"system": ACTION_SYSTEM, "code": action},
        ],
        "action": _ACTIONS.get(asked, "E"),
        "recorded": _instant(event["occurred_at"]),
        "outcome": "4" if is_denied else "0",
        "purposeOfEvent": [_purpose(_word(event["purpose"]))],
        "agent": [
            {"who": {"identifier": {"system": SUBJECT_SYSTEM, "value": _word(event["subject"])}}, "requestor": True},
            {
                "type": _coded(_DICOM, "110150", "Application"),
                "role": [_coded(ROLE_SYSTEM, str(event["database_role"]))],
                "who": {"identifier": {"system": ROLE_SYSTEM, "value": event["database_role"]}},
                "requestor": False,
                "policy": [f"{ROLE_SYSTEM}:{event['database_role']}"],
            },
        ],
        "source": {
            "site": _word(site),
            "observer": {"identifier": {"system": "urn:sanctum:component", "value": "audit.event"}},
            "type": [{"system": f"{_TERMINOLOGY}/security-source-type", "code": "4", "display": "Application Server"}],
        },
        "entity": [*_person(event["person_id"]), _objects_kind(event), *_objects(event), _integrity(event)],
    }


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _coded(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def _purpose(purpose: str) -> dict[str, Any]:
    return _coded(_PURPOSE_SYSTEM, purpose) if purpose in _PURPOSES_OF_USE else {"text": purpose}


def _kind(code: str, display: str) -> dict[str, str]:
    return {"system": f"{_TERMINOLOGY}/audit-entity-type", "code": code, "display": display}


def _role(code: str, display: str) -> dict[str, str]:
    return {"system": f"{_TERMINOLOGY}/object-role", "code": code, "display": display}


def _person(person_id: int | None) -> list[dict[str, Any]]:
    if person_id is None:
        return []
    what = {"identifier": {"system": PERSON_SYSTEM, "value": str(person_id)}}
    return [{"what": what, "type": _kind("1", "Person"), "role": _role("1", "Patient")}]


def _objects_kind(event: Mapping[str, Any]) -> dict[str, Any]:
    """The kind of thing acted on, with how many rows, and the hashes and counts that the event was written with."""
    ids: Sequence[int] = event["object_ids"]
    details = {"row_count": event["row_count"], **event["details"]}
    if len(ids) > MOST_OBJECTS:
        details["object_ids_left_out"] = len(ids) - MOST_OBJECTS
    return {
        "what": {"identifier": {"system": OBJECT_SYSTEM, "value": _word(event["object_kind"])}},
        "type": _kind("2", "System Object"),
        "detail": [_detail(name, value) for name, value in details.items() if value is not None],
    }


def _objects(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    system = f"{OBJECT_SYSTEM}:{_token(event['object_kind'])}"
    return [
        {"what": {"identifier": {"system": system, "value": str(key)}}, "type": _kind("2", "System Object")}
        for key in event["object_ids"][:MOST_OBJECTS]
    ]


def _integrity(event: Mapping[str, Any]) -> dict[str, Any]:
    """Where the event is in the log, and its hash there: what ``sanctum audit verify`` names."""
    return {
        "what": {"identifier": {"system": EVENT_SYSTEM, "value": f"{event['chain']}/{event['sequence']}"}},
        "type": _kind("2", "System Object"),
        "role": _role("13", "Security Resource"),
        "detail": [_detail(name, event[name]) for name in ("chain", "sequence", "event_hash")],
    }


def _detail(name: str, value: object) -> dict[str, str]:
    return {"type": _word(name), "valueString": _word(value)}


def _token(value: object) -> str:
    """A part of a URI: it has no blanks."""
    return "-".join(str(value).split()) or "unknown"


def _word(value: object) -> str:
    """FHIR knows no empty text, and no blanks around or doubled in a code; the log takes what it is given."""
    return " ".join(str(value).split()) or "unknown"
