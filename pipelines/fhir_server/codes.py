"""What a server says went wrong, in words that standards or vendors have; any other may be a patient's name."""

from collections.abc import Mapping, Sequence
from typing import Any

import simplejson

_UNKNOWN = "unknown"
_SEVERITIES = frozenset({"fatal", "error", "warning", "information"})
_ISSUE_TYPES = frozenset(
    {
        "invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired",
        "forbidden", "suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "not-found",
        "deleted", "too-long", "code-invalid", "extension", "too-costly", "business-rule", "conflict", "transient",
        "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled", "informational",
    }
)  # fmt: skip
"""FHIR R4 IssueType (http://hl7.org/fhir/issue-type)."""
_VENDOR_NUMBERS = frozenset(str(number) for number in (*range(4100, 4200), *range(59100, 59200)))
"""Epic's numbers of faults and warnings; any other number may be a patient's."""
_OAUTH_ERRORS = frozenset(
    {
        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
        "invalid_scope", "access_denied", "unsupported_response_type", "server_error", "temporarily_unavailable",
        "invalid_token", "insufficient_scope",
    }
)  # fmt: skip
"""RFC 6749, sections 4.1.2.1 and 5.2; RFC 6750, section 3.1."""


def codes(content: bytes) -> tuple[str, ...]:
    """Codes of an OperationOutcome or of an OAuth error, none of what is neither."""
    try:
        value = simplejson.loads(content)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(value, dict):
        return ()
    if value.get("resourceType") == "OperationOutcome":
        return tuple(dict.fromkeys(code for _severity, code in issues(value)))
    error = value.get("error")
    return (_known(error, _OAUTH_ERRORS).replace("_", "-"),) if isinstance(error, str) else ()


def issues(outcome: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Severity and code of each issue of an OperationOutcome; a vendor's number follows a slash: ``processing/4119``.

    Source: FHIR R4 OperationOutcome; Epic has its numbers in ``details.coding``.
    """
    found = outcome.get("issue")
    entries = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    return [
        (_known(entry.get("severity"), _SEVERITIES), _known(entry.get("code"), _ISSUE_TYPES) + _number(entry))
        for entry in entries
    ]


def _number(issue: Mapping[str, Any]) -> str:
    details = issue.get("details")
    coding = details.get("coding") if isinstance(details, dict) else None
    first = coding[0] if isinstance(coding, list) and coding else None
    code = first.get("code") if isinstance(first, dict) else None
    return f"/{code}" if isinstance(code, str) and code in _VENDOR_NUMBERS else ""


def _known(value: object, words: frozenset[str]) -> str:
    return value if isinstance(value, str) and value in words else _UNKNOWN
