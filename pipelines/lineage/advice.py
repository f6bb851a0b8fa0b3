"""What to do about a quarantined record, by its reason."""

_SOURCE = "Ask the source to correct the record and to send it again."

ADVICE = {
    "not_json": "The line is no JSON, or was cut off. Ask the source to send it again, whole.",
    "nested_too_deep": f"No FHIR resource is nested so deep. {_SOURCE}",
    "duplicate_key": f"A member is there twice, and which of the two counts is not ours to choose. {_SOURCE}",
    "not_a_resource": f"The JSON is no resource and no bundle of resources. {_SOURCE}",
    "not_r4": f"The elements named do not fit FHIR R4. {_SOURCE} After an update of Sanctum, replay.",
    "no_id": f"A resource without id can't be told from others. {_SOURCE}",
    "empty_bundle": f"The bundle has no entry. {_SOURCE}",
    "unknown_resource_type": "FHIR R4 has no such type. Ask the source for R4, release 4.0.1.",
    "truncated_file": "The gzip file ends early, and nothing of it was loaded. Ask the source to send it again, whole.",
    "erased_identifier": (
        "The record gives an erased person's identifier to somebody who is known. Find out at the source whose it is; "
        "if it is theirs, erase them, else have it corrected."
    ),
    "no_msh": f"The bytes begin with no MSH segment. {_SOURCE}",
    "truncated_message": "The frame or the batch has no end. Ask the source to send the message again, whole.",
    "several_messages": "Ask the source to send one message a frame; batches go through sanctum ingest hl7.",
    "refused_by_database": f"A name or number in MSH is longer than any index takes. {_SOURCE}",
    "not_hl7": f"MSH can't be read, or has no message type. {_SOURCE}",
    "no_patient_identifier": f"PID-3 (before 2.3.1 also PID-2, PID-4) has no number of a patient. {_SOURCE}",
    "no_retired_identifier": f"MRG-1 does not say who was merged. {_SOURCE}",
    "no_visit_number": f"PV1-19, PV1-50 and PID-18 do not say which visit it is. {_SOURCE}",
    "no_prior_visit": f"MRG-5 does not say which visit is merged, moved or renamed. {_SOURCE}",
    "merge_cycle": (
        "The merge would retire somebody whom its survivor was merged into before. Find out at the source who is who; "
        "it is used by itself once the merges before it no longer say so."
    ),
    "batch_count_differs": (
        "The trailer counts other than what is there; all that is there was loaded. Ask the source for the whole file."
    ),
    "missing_trailer": "The batch has no end; all that is there was loaded. Ask the source for the whole file.",
    "continued_message": "Ask the source to send the message whole: continuations (DSC, ADD) are not put together.",
}
"""Advice by reason; every reason has some."""


def advice(reason: str) -> str:
    """What to do about a record that is there for a reason."""
    return ADVICE.get(reason, f"{_SOURCE} After an update of Sanctum, replay.")
