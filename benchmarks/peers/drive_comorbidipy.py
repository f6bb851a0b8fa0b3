"""Run in comorbidipy's own environment: Charlson and Elixhauser scores of persons' ICD-10 codes.

Argument: a file of JSON, ``{person: [code, ...]}``, codes without a dot. Prints JSON: for ``charlson`` (weights of Quan
2011) and ``elixhauser`` (van Walraven 2009) the codes of each comorbidity as the package has them, and for each person
the score with the comorbidities found.
"""

import json
import sys
import warnings
from pathlib import Path

import pandas as pd

# It imports a class of warnings from where pandas had it before 1.5.
pd.core.common.SettingWithCopyWarning = pd.errors.SettingWithCopyWarning
warnings.simplefilter("ignore")

from comorbidipy import comorbidity  # noqa: E402 - after what it needs
from comorbidipy.mapping import mapping  # noqa: E402 - after what it needs

_WEIGHTS = {"charlson": "quan", "elixhauser": "vw"}


def main(path: str) -> None:
    """Print what it has and what it finds."""
    persons = json.loads(Path(path).read_text())
    json.dump({score: _answer(score, weights, persons) for score, weights in _WEIGHTS.items()}, sys.stdout)


def _answer(score: str, weights: str, persons: dict[str, list[str]]) -> dict[str, object]:
    categories = mapping[f"{score}_icd10_quan"]
    rows = [
        (person, code) for person, codes in persons.items() for given in codes for code in _single(given, categories)
    ]
    frame = comorbidity(
        pd.DataFrame(rows, columns=["id", "code"]), age=None, score=score, variant="quan", weighting=weights
    )
    found = {
        str(row["id"]): {
            "score": int(row["comorbidity_score"]),
            "found": [name for name in categories if row[name] > 0],
        }
        for row in frame.to_dict("records")
    }
    return {"codes": {name: list(codes) for name, codes in categories.items()}, "persons": found}


def _single(code: str, categories: dict[str, list[str]]) -> list[str]:
    """Codes of one comorbidity each in place of a code of several, of which the package would keep the last."""
    of = [name for name, prefixes in categories.items() if code.startswith(tuple(prefixes))]
    return [code] if len(of) < 2 else [_only(name, categories) for name in of]


def _only(name: str, categories: dict[str, list[str]]) -> str:
    others = tuple(prefix for other, prefixes in categories.items() if other != name for prefix in prefixes)
    return next(
        code for code in categories[name] if not code.startswith(others) and not any(o.startswith(code) for o in others)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
