"""A synthesised Athena download: files of the real ones' shape, at a share of their size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

FULL = {
    "CONCEPT": 6_000_000,
    "CONCEPT_RELATIONSHIP": 40_000_000,
    "CONCEPT_ANCESTOR": 75_000_000,
    "CONCEPT_SYNONYM": 2_500_000,
    "DRUG_STRENGTH": 3_000_000,
}
"""Lines of a download of all vocabularies."""
_LINES_AT_ONCE = 500_000
_SEED = 1
CHANGED_ONE_IN = 100
"""Of so many concepts a later release deprecates one, and of so many relationships it leads one elsewhere."""
_DAYS = {"valid_start_date": "19700101", "valid_end_date": "20991231", "invalid_reason": ""}
_VOCABULARIES = ("SNOMED", "RxNorm", "NDC", "ICD10CM", "LOINC", "RxNorm Extension", "OSM", "dm+d")
_DOMAINS = ("Condition", "Drug", "Drug", "Measurement", "Observation", "Procedure", "Geography", "Drug")
_RELATIONSHIPS = ("Mapped from", "Is a", "Subsumes", "RxNorm has ing", "Has finding site", "Concept replaced by")


@dataclass(frozen=True)
class Download:
    """Where the files are, and their lines without headers and bytes together."""

    directory: Path
    lines: int
    bytes: int


class _Writer:
    """Writes the tables of one size, as of a first release or of a later one."""

    def __init__(self, directory: Path, scale: float, *, later: bool) -> None:
        self._directory, self._later = directory, later
        self._lines = {stem: int(lines * scale) for stem, lines in FULL.items()}
        self._concepts = self._lines["CONCEPT"]

    def write(self) -> Download:
        tables: dict[str, Callable[[np.random.Generator, int, int], dict[str, pa.Array]]] = {
            "CONCEPT": self._concept,
            "CONCEPT_RELATIONSHIP": self._relationship,
            "CONCEPT_ANCESTOR": self._ancestor,
            "CONCEPT_SYNONYM": self._synonym,
            "DRUG_STRENGTH": self._strength,
        }
        for stem, rows in tables.items():
            self._write(stem, rows)
        for stem, header, line in _SMALL:
            (self._directory / f"{stem}.csv").write_text(f"{header}\n{line}\n".replace("|", "\t"))
        paths = list(self._directory.glob("*.csv"))
        return Download(
            self._directory, sum(self._lines.values()) + len(_SMALL), sum(path.stat().st_size for path in paths)
        )

    def _write(self, stem: str, rows: Callable[[np.random.Generator, int, int], dict[str, pa.Array]]) -> None:
        random = np.random.default_rng(_SEED)
        options = pa.csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
        with (self._directory / f"{stem}.csv").open("wb") as stream:
            for start, end in _blocks(self._lines[stem]):
                table = pa.table(rows(random, start, end))
                if start == 0:
                    stream.write("\t".join(table.column_names).encode() + b"\n")
                pa.csv.write_csv(table, stream, options)

    def _concept(self, random: np.random.Generator, start: int, end: int) -> dict[str, pa.Array]:
        numbers = np.arange(start, end) + 1
        vocabulary = pa.array(random.integers(0, len(_VOCABULARIES), end - start))
        name = pa.compute.binary_join_element_wise("Concept with a name of usual length, of the", *_texts(numbers), " ")
        return {
            "concept_id": pa.array(numbers),
            "concept_name": name,
            "domain_id": pa.array(_DOMAINS).take(vocabulary),
            "vocabulary_id": pa.array(_VOCABULARIES).take(vocabulary),
            "concept_class_id": pa.repeat("Clinical Finding", end - start),
            "standard_concept": pa.array(np.where(numbers % 3 == 0, "S", "")),
            "concept_code": pa.compute.binary_join_element_wise(*_texts(numbers * 7919), "-"),
            **_days(end - start),
            "invalid_reason": pa.array(np.where(self._changed(numbers), "D", "")),
        }

    def _changed(self, numbers: np.ndarray) -> np.ndarray:
        changed: np.ndarray = np.logical_and(self._later, numbers % CHANGED_ONE_IN == 0)
        return changed

    def _relationship(self, random: np.random.Generator, start: int, end: int) -> dict[str, pa.Array]:
        # One line in seven maps a concept, as in a real download.
        numbers = np.arange(start, end)
        concept = numbers * self._concepts // self._lines["CONCEPT_RELATIONSHIP"] + 1
        kind = random.integers(0, len(_RELATIONSHIPS), end - start)
        maps = np.diff(concept, prepend=0) > 0
        target = random.integers(1, self._concepts + 1, end - start)
        return {
            "concept_id_1": pa.array(concept),
            "concept_id_2": pa.array(np.where(self._changed(numbers), self._concepts + 1 - target, target)),
            "relationship_id": pa.array([*_RELATIONSHIPS, "Maps to"]).take(
                pa.array(np.where(maps, len(_RELATIONSHIPS), kind))
            ),
            **_days(end - start),
        }

    def _ancestor(self, random: np.random.Generator, start: int, end: int) -> dict[str, pa.Array]:
        levels = pa.array(random.integers(0, 12, end - start))
        return {
            "ancestor_concept_id": pa.array(random.integers(1, self._concepts + 1, end - start)),
            "descendant_concept_id": pa.array(random.integers(1, self._concepts + 1, end - start)),
            "min_levels_of_separation": levels,
            "max_levels_of_separation": levels,
        }

    def _synonym(self, random: np.random.Generator, start: int, end: int) -> dict[str, pa.Array]:
        numbers = random.integers(1, self._concepts + 1, end - start)
        return {
            "concept_id": pa.array(numbers),
            "concept_synonym_name": pa.compute.binary_join_element_wise("Another name, of the", *_texts(numbers), " "),
            "language_concept_id": pa.repeat(4180186, end - start),
        }

    def _strength(self, random: np.random.Generator, start: int, end: int) -> dict[str, pa.Array]:
        empty = pa.repeat("", end - start)
        return {
            "drug_concept_id": pa.array(random.integers(1, self._concepts + 1, end - start)),
            "ingredient_concept_id": pa.array(random.integers(1, self._concepts + 1, end - start)),
            "amount_value": pa.array(random.integers(1, 1000, end - start)),
            "amount_unit_concept_id": pa.repeat(8576, end - start),
            **dict.fromkeys(("numerator_value", "numerator_unit_concept_id", "denominator_value"), empty),
            **dict.fromkeys(("denominator_unit_concept_id", "box_size"), empty),
            **_days(end - start),
        }


_SMALL = (
    (
        "VOCABULARY",
        "vocabulary_id|vocabulary_name|vocabulary_reference|vocabulary_version|vocabulary_concept_id",
        "SNOMED|Systematic Nomenclature of Medicine|http://snomed.info|2026-09|44819097",
    ),
    ("DOMAIN", "domain_id|domain_name|domain_concept_id", "Condition|Condition|19"),
    (
        "CONCEPT_CLASS",
        "concept_class_id|concept_class_name|concept_class_concept_id",
        "Clinical Finding|Clinical Finding|44819089",
    ),
    (
        "RELATIONSHIP",
        "relationship_id|relationship_name|is_hierarchical|defines_ancestry|reverse_relationship_id|"
        "relationship_concept_id",
        "Maps to|Non-standard to standard map|0|0|Mapped from|44818976",
    ),
)


def synthesise(directory: Path, scale: float, *, later: bool = False) -> Download:
    """Write a download of this share of a full one: the first release, or a later one of the same concepts."""
    directory.mkdir(parents=True)
    return _Writer(directory, scale, later=later).write()


def _blocks(lines: int) -> Iterator[tuple[int, int]]:
    for start in range(0, lines, _LINES_AT_ONCE):
        yield start, min(lines, start + _LINES_AT_ONCE)


def _texts(numbers: np.ndarray) -> tuple[pa.Array, pa.Array]:
    return pa.array(numbers % 1000).cast(pa.string()), pa.array(numbers).cast(pa.string())


def _days(lines: int) -> dict[str, pa.Array]:
    return {name: pa.repeat(value, lines) for name, value in _DAYS.items()}
