"""Coverage in figures."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from psycopg import errors
from psycopg.rows import class_row, dict_row

from pipelines.coverage.statements import statement
from resources.postgres import Database, Role, without_row_values

NO_CODE = "no code"
"""Words, or nothing."""
WITHOUT_SYSTEM = "code without a system"
OTHER = "other"
"""Code systems of no OMOP vocabulary: their names are what sources wrote, and told to nobody here."""

DOMAINS = {
    "condition_concept_id": "Condition",
    "drug_concept_id": "Drug",
    "procedure_concept_id": "Procedure",
    "device_concept_id": "Device",
    "measurement_concept_id": "Measurement",
    "observation_concept_id": "Observation",
}
"""Fields that say what happened, and their domains."""


class NotBuiltError(RuntimeError):
    """There is no coverage to report: no build has counted it."""


@dataclass(frozen=True)
class Counts:
    """Rows of the CDM and different codes of sources, and how many of either have a standard concept."""

    rows: int
    rows_mapped: int
    codes: int
    codes_mapped: int

    @property
    def rows_percent(self) -> float | None:
        """Rows with a standard concept in per cent; None where there are no rows."""
        return 100 * self.rows_mapped / self.rows if self.rows else None

    @property
    def codes_percent(self) -> float | None:
        """Codes with a standard concept in per cent; None where there are no codes."""
        return 100 * self.codes_mapped / self.codes if self.codes else None


@dataclass(frozen=True)
class FieldCoverage(Counts):
    """What one field of the CDM has from one vocabulary.

    Attributes:
        cdm_table: of schema ``omop``.
        cdm_field: that holds the concept.
        vocabulary: OMOP vocabulary or short list of codes; else ``other``, ``code without a system`` or ``no code``.
        is_of_every_row: whether rows in which nothing was sent are counted, as ``no code``.
    """

    cdm_table: str
    cdm_field: str
    vocabulary: str
    is_of_every_row: bool

    @property
    def name(self) -> str:
        """Table and field in one word, such as ``measurement``, ``measurement_unit`` or ``drug_exposure_route``."""
        field = self.cdm_field.removesuffix("_concept_id")
        if self.cdm_table.startswith(field):
            return field
        return field if field.startswith(self.cdm_table) else f"{self.cdm_table}_{field}"


@dataclass(frozen=True)
class CoverageReport:
    """What the last build of everybody understood.

    Attributes:
        as_of: its day.
        vocabulary_release: as in ``vocab.release``; 0 before the first.
        fields: by table, field and vocabulary. Names are of the CDM and of vocabularies: never what a source wrote.
    """

    as_of: date
    vocabulary_release: int
    fields: tuple[FieldCoverage, ...]

    def by_domain(self) -> dict[str, Counts]:
        """Of what happened, by domain; domains without rows are left out."""
        found = {}
        for field, domain in DOMAINS.items():
            of_domain = [one for one in self.fields if one.cdm_field == field]
            if of_domain:
                found[domain] = total(of_domain)
        return found

    def everything(self) -> Counts:
        """Of all that happened, whichever its domain; a code in two domains counts twice."""
        return total(self.by_domain().values())

    def percentages(self) -> dict[str, float]:
        """Figures to be plotted over time, such as ``mapped_rows_percent`` and ``mapped_codes_percent_measurement``.

        Those without a field's name are of all that happened. What there is none of has no figure.
        """
        by_name: dict[str, list[FieldCoverage]] = {}
        for field in self.fields:
            by_name.setdefault(f"_{field.name}", []).append(field)
        figures = {"": self.everything(), **{name: total(parts) for name, parts in by_name.items()}}
        percentages = {}
        for name, counts in figures.items():
            for what, percent in (("rows", counts.rows_percent), ("codes", counts.codes_percent)):
                if percent is not None:
                    percentages[f"mapped_{what}_percent{name}"] = percent
        return percentages

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "as_of": self.as_of.isoformat(),
            "vocabulary_release": self.vocabulary_release,
            "percentages": self.percentages(),
            "domains": {domain: asdict(counts) for domain, counts in self.by_domain().items()},
            "fields": [asdict(field) for field in self.fields],
        }


def total(parts: Iterable[Counts]) -> Counts:
    """The sum; a code in two parts counts twice."""
    parts = list(parts)
    return Counts(
        sum(part.rows for part in parts),
        sum(part.rows_mapped for part in parts),
        sum(part.codes for part in parts),
        sum(part.codes_mapped for part in parts),
    )


def read_coverage(database: Database) -> CoverageReport:
    """What the last build of everybody counted.

    Raises:
        NotBuiltError: there was none, or it found no row.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    shown = {"no_code": NO_CODE, "without_system": WITHOUT_SYSTEM, "other": OTHER}
    with without_row_values(), database.connect(Role.TRANSFORM) as connection:
        try:
            built = connection.execute(statement("built")).fetchone()
        except errors.UndefinedTable:
            built = None
        if built is None:
            raise NotBuiltError("no build has counted anything: load records and run 'sanctum build'.")
        with connection.cursor(row_factory=class_row(FieldCoverage)) as cursor:
            fields = cursor.execute(statement("coverage"), shown).fetchall()
    as_of, release = built
    return CoverageReport(as_of, release, tuple(fields))


def unmapped_codes(database: Database, limit: int) -> list[dict[str, Any]]:
    """The codes without a standard concept that cost most rows, as sources wrote them: they may hold PHI.

    Raises:
        NotBuiltError: no build has counted them.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    with (
        without_row_values(),
        database.connect(Role.TRANSFORM) as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        try:
            return cursor.execute(statement("unmapped_codes"), {"limit": limit}).fetchall()
        except errors.UndefinedTable:
            raise NotBuiltError("no build has counted unmapped codes: run 'sanctum build'.") from None
