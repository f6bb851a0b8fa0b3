"""The newest result of each check."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import errors
from psycopg.rows import class_row

from resources.postgres import Database, Role, without_row_values
from resources.sql_files import statements

statement = statements(__file__)


class NeverCheckedError(RuntimeError):
    """No build has run the quality tests yet."""


@dataclass(frozen=True)
class CheckResult:
    """One check of the newest build that ran it.

    Attributes:
        checked_at: when.
        category: conformance, completeness or plausibility (Kahn et al. 2016, doi:10.13063/2327-9214.1244).
        check_name: type of the check, as the Data Quality Dashboard names it.
        cdm_table: table of schema omop.
        cdm_field: field; None of a check of the table.
        concept_id: concept that the check is about; None of other checks.
        unit_concept_id: unit in which its bound is; None of other checks.
        violated_rows: rows in violation.
        denominator_rows: rows that the check is about.
        threshold: percentage that may be in violation; None: it is measured and not judged.
        is_failed: whether more are.
    """

    checked_at: datetime
    category: str
    check_name: str
    cdm_table: str
    cdm_field: str | None
    concept_id: int | None
    unit_concept_id: int | None
    violated_rows: int
    denominator_rows: int
    threshold: float | None
    is_failed: bool

    @property
    def violated_percent(self) -> float:
        """Percentage of the denominator in violation; 0 of none."""
        return 100 * self.violated_rows / self.denominator_rows if self.denominator_rows else 0.0


@dataclass(frozen=True)
class QualityReport:
    """The newest result of each check.

    Attributes:
        results: by category, table, field and check.
    """

    results: Sequence[CheckResult]

    @property
    def checked_at(self) -> datetime:
        """When the newest of them was found."""
        return max(result.checked_at for result in self.results)

    def counts(self) -> dict[str, dict[str, int]]:
        """By category: checks, those that failed, those that only measure, and those that no row is there for."""
        counted: dict[str, dict[str, int]] = {}
        for result in self.results:
            of_category = counted.setdefault(
                result.category, {"checks": 0, "failed": 0, "not_judged": 0, "without_rows": 0}
            )
            of_category["checks"] += 1
            of_category["failed"] += result.is_failed
            of_category["not_judged"] += result.threshold is None
            of_category["without_rows"] += result.denominator_rows == 0
        return counted


def read_results(database: Database) -> QualityReport:
    """The newest result of each check that the project lists.

    Raises:
        NeverCheckedError: no build has run the tests.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    with (
        without_row_values(),
        database.connect(Role.TRANSFORM) as connection,
        connection.cursor(row_factory=class_row(CheckResult)) as cursor,
    ):
        try:
            results = cursor.execute(statement("latest_results")).fetchall()
        except errors.UndefinedTable:
            results = []
    if not results:
        raise NeverCheckedError("the quality of schema omop was never checked: run 'sanctum build'")
    return QualityReport(results)
