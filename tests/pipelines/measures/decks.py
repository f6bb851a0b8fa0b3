"""Decks of a few made patients."""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LOCAL = "http://hospital.example/codes"
OFFICE_VISIT = "2.16.840.1.113883.3.464.1003.101.12.1001"
COLONOSCOPY = "2.16.840.1.113883.3.464.1003.108.12.1020"
PERIOD = {"start": "2026-01-01", "end": "2026-12-31"}


def patient(name: str, **more: Any) -> dict[str, Any]:
    """Of sixty years in 2026; all have one birth date, sex and identifier, as in published decks."""
    return {
        "resourceType": "Patient",
        "id": name,
        "identifier": [{"system": "http://hospital.example", "value": "999999995"}],
        "gender": "female",
        "birthDate": "1966-05-01",
        **more,
    }


def visit(name: str) -> dict[str, Any]:
    """An office visit of 2026."""
    return {
        "resourceType": "Encounter",
        "id": f"visit-{name}",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "type": [{"coding": [{"system": LOCAL, "code": "visit"}]}],
        "subject": {"reference": f"Patient/{name}"},
        "period": {"start": "2026-03-01T09:00:00Z", "end": "2026-03-01T09:30:00Z"},
    }


def colonoscopy(name: str) -> dict[str, Any]:
    """One of 2020."""
    return {
        "resourceType": "Procedure",
        "id": f"colonoscopy-{name}",
        "status": "completed",
        "code": {"coding": [{"system": LOCAL, "code": "colonoscopy"}]},
        "subject": {"reference": f"Patient/{name}"},
        "performedDateTime": "2020-03-01",
    }


def bundle(*resources: Mapping[str, Any]) -> dict[str, Any]:
    """A Bundle of one patient's records."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def populations(eligible: int, numerator: int) -> dict[str, int]:
    """Populations of who is not excluded."""
    return {
        "initial_population": eligible,
        "denominator": eligible,
        "denominator_exclusion": 0,
        "numerator": numerator,
    }


def case(told: Mapping[str, Any], title: str = "Case", period: Mapping[str, str] = PERIOD) -> dict[str, Any]:
    """What is expected of a patient: populations, or ``groups`` of them."""
    return {"title": title, "period": dict(period), **told}


def write(folder: Path, bundles: Sequence[Mapping[str, Any]], expected: Mapping[str, Any]) -> Path:
    """A deck's folder."""
    folder.mkdir(parents=True)
    lines = "".join(json.dumps(one) + "\n" for one in bundles)
    (folder / "bundles.ndjson.gz").write_bytes(gzip.compress(lines.encode()))
    (folder / "expected.json").write_text(json.dumps({"patients": expected}))
    return folder


def write_value_sets(path: Path) -> Path:
    """Codes of the visits and colonoscopies here, as a table of value sets."""
    rows = [(OFFICE_VISIT, "Office Visit", "visit"), (COLONOSCOPY, "Colonoscopy", "colonoscopy")]
    lines = "".join(f"{oid},{name},{LOCAL},{code},\n" for oid, name, code in rows)
    content = f"oid,name,system,code,display\n{lines}".encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
