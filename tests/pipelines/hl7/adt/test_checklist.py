"""Every line of the checklist has a test that carries its number."""

import re
from pathlib import Path

import pytest

CHECKLIST = Path(__file__).resolve().parents[5] / "shared" / "reference" / "ADT.md"
SECTIONS = (1, 2, 3, 4, 5, 8)


def _tested() -> set[str]:
    found: set[str] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for section, first, last in re.findall(r"def test_(\d)_(\d\d)(?:_to_\d_(\d\d))?_", path.read_text()):
            found |= {f"{section}.{number}" for number in range(int(first), int(last or first) + 1)}
    return found


def _lines() -> set[str]:
    """Numbers of lines; of a section without numbers those of its list items."""
    text = CHECKLIST.read_text()
    found = set(re.findall(r"^(\d\.\d+) ", text, re.MULTILINE))
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        items = re.findall(r"^- ", section, re.MULTILINE)
        found |= {f"{section[0]}.{number}" for number in range(1, len(items) + 1)}
    return {line for line in found if int(line[0]) in SECTIONS}


def test_each_line_has_a_test() -> None:
    if not CHECKLIST.is_file():
        pytest.skip("../shared/reference is not here")
    lines = _lines()
    assert len(lines) > 65
    assert lines - _tested() == set()
