"""How much of what sources wrote the last build of everybody understood.

Belongs here: reading ``quality.mapping_coverage`` and saying it in figures and as a page. Does not belong here: how it
is counted (dbt_project).
"""

from pipelines.coverage.page import page
from pipelines.coverage.report import (
    Counts,
    CoverageReport,
    FieldCoverage,
    NotBuiltError,
    read_coverage,
    unmapped_codes,
)

__all__ = ["Counts", "CoverageReport", "FieldCoverage", "NotBuiltError", "page", "read_coverage", "unmapped_codes"]
