"""Run in clincalc's own environment: the results of many calls of its calculators.

Argument: a file of JSON, ``[[calculator, input], ...]``. Prints JSON: for each call its result and its working.
"""

import json
import sys
from pathlib import Path

import clincalc


def main(path: str) -> None:
    """Print what each call gives."""
    answers = [clincalc.calculate(name, values) for name, values in json.loads(Path(path).read_text())]
    json.dump([[answer["result"], answer["working"]] for answer in answers], sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
