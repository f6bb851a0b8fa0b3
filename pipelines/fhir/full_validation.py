"""Every element of a resource against fhir.resources' classes.

They are R4B's, which differs from R4 in resources we don't map, and they refuse some R4 that is legal; ``_tolerated``
says which.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

_NAME = re.compile(r"[A-Za-z_]{1,40}")
_MOST_PROBLEMS = 5

_model = cache(get_fhir_model_class)


def findings(kind: str, resource: Mapping[str, Any]) -> str | None:
    """Elements and rules of at most five findings, never values; None if there is none.

    Args:
        kind: the resource's type, one that we map.
        resource: parsed JSON.
    """
    try:
        _model(kind).model_validate(resource)
    except ValidationError as error:
        listed = [
            f"{_path(found)}: {_safe(found['type'])}"
            for found in error.errors(include_input=False, include_url=False, include_context=False)
            if not _tolerated(found)
        ]
        return "; ".join(listed[:_MOST_PROBLEMS]) or None
    return None


def _tolerated(found: Mapping[str, Any]) -> bool:
    # Epic's ids exceed FHIR's 64 characters (88 were seen); bronze keys don't depend on their length.
    return found["loc"][-1:] == ("id",) and "length" in str(found.get("msg", "")).lower()


def _path(found: Mapping[str, Any]) -> str:
    parts = [_safe(part) for part in found["loc"]]
    # FHIR doesn't know this element, so its name could be a person's.
    unknown = found["type"] == "extra_forbidden"
    return ".".join([*parts[:-1], "?"] if unknown else parts)


def _safe(part: object) -> str:
    """A part of a path or rule if it looks like a name; an unknown element's name could be anything."""
    text = str(part)
    return text if isinstance(part, int) or all(_NAME.fullmatch(word) for word in text.split(".")) else "?"
