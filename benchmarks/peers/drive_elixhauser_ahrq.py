"""Run in elixhauser-ahrq's own environment: AHRQ's Elixhauser comorbidities and indices of hospital stays.

Argument: a file of JSON, ``{stay: [[code, indicator], ...]}``, the principal diagnosis first; codes with or without a
dot, indicators of presence on admission or null. Prints JSON: ``codes`` has the categories of each code as the package
has them, ``needs_indicator`` those that count only if present on admission, ``weights`` those of both indices, and
``stays`` for each stay the categories it has and both indices.
"""

import json
import sys
from pathlib import Path

from elixhauser_ahrq import ElixhauserMapper, ElixhauserScorer, mapper

_INDICES = ("mortality", "readmission")


def main(path: str) -> None:
    """Print what it has and what it finds."""
    mapping = ElixhauserMapper()
    scorers = {index: ElixhauserScorer(index) for index in _INDICES}
    stays = {}
    for stay, diagnoses in json.loads(Path(path).read_text()).items():
        flags = mapping.map_patient_diagnoses([code for code, _ in diagnoses], [told for _, told in diagnoses])
        scores = {index: scorer.calculate_score(flags) for index, scorer in scorers.items()}
        stays[stay] = {"categories": sorted(name for name, is_set in flags.items() if is_set), **scores}
    answer = {
        "codes": {code: [name for name, is_set in flags.items() if is_set] for code, flags in mapping.lookup.items()},
        "needs_indicator": sorted(mapper._POA_REQUIRED),
        "weights": {index: scorer.weights for index, scorer in scorers.items()},
        "stays": stays,
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
