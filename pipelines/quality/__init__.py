"""What dbt's quality tests found, for those who ask.

The checks, their thresholds and their SQL are in ``dbt_project``; here is what reads their results. Counts only: the
keys of rows in violation stay in schema ``quality``, which nobody but the role that builds reads.
"""

from pipelines.quality.reporting import CheckResult, NeverCheckedError, QualityReport, read_results

__all__ = ["CheckResult", "NeverCheckedError", "QualityReport", "read_results"]
