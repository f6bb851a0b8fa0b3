"""Run in hccinfhir's own environment: categories and factors of CMS-HCC V28 for payment year 2026.

Argument: a file of JSON, ``{person: {age, sex, dual, orec, institution, codes}}``: age in years on 1 February of the
payment year, sex ``F`` or ``M``, the codes of CMS for dual eligibility and the original reason for entitlement. Prints
JSON: ``tables`` as the package has them, and for each person the categories, the factor and what it is the sum of.
"""

import json
import sys
from pathlib import Path

from hccinfhir import defaults
from hccinfhir.model_calculate import calculate_raf

_MODEL = "CMS-HCC Model V28"


def main(path: str) -> None:
    """Print what it has and what it finds."""
    persons = json.loads(Path(path).read_text())
    found = {person: _answer(given) for person, given in persons.items()}
    json.dump({"tables": _tables(), "persons": found}, sys.stdout)


def _answer(given: dict) -> dict:
    result = calculate_raf(
        given["codes"],
        model_name=_MODEL,
        age=given["age"],
        sex=given["sex"],
        dual_elgbl_cd=given["dual"],
        orec=given["orec"],
        crec=given["orec"],
        lti=given["institution"],
    )
    return {"categories": result.hcc_list, "factor": result.risk_score, "factors": result.coefficients}


def _tables() -> dict:
    """By name, each keyed by what its table is keyed by, without the model."""
    return {
        "codes": {key: sorted(value) for key, value in _of_model(defaults.dx_to_cc_default).items()},
        "edits": {key: list(value) for key, value in _of_model(defaults.edits_default).items()},
        "hierarchy": {key: sorted(value) for key, value in _of_model(defaults.hierarchies_default).items()},
        "coefficients": _of_model(defaults.coefficients_default),
        "names": _of_model(defaults.labels_default),
    }


def _of_model(table: dict) -> dict:
    return {key: value for (key, model), value in table.items() if model == _MODEL}


if __name__ == "__main__":
    main(*sys.argv[1:])
