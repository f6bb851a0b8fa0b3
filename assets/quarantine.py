"""The check of quarantine by reason: each reason has its own limit."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from pipelines.account import Account
from pipelines.lineage.advice import ADVICE
from resources.settings import Settings

BY_REASON = "quarantined_by_reason"


def by_reason_check(
    settings: Settings, key: tuple[str, str], account: Account, waiting: Mapping[str, int]
) -> dg.AssetCheckResult:
    """Whether each reason took no more of the records read than its limit.

    It fails where one took more; where one only came near (``quarantine_warn_fraction`` of its limit), and where the
    settings limit a reason that there is none of, it warns. Reasons are fixed words; no record is named.

    Args:
        settings: the limits.
        key: the asset.
        account: of this load.
        waiting: records in quarantine by reason, of all loads.
    """
    own, read = dict(settings.quarantine_limits), max(1, account.read.total())
    figures: dict[str, dict[str, Any]] = {}
    for reason in sorted({*account.quarantined, *waiting}):
        limit = own.get(reason, settings.quarantine_fail_fraction)
        share = account.quarantined[reason] / read
        warning = limit * settings.quarantine_warn_fraction
        figures[reason] = {
            "quarantined": account.quarantined[reason],
            "share": share,
            "warn_above": warning,
            "fail_above": limit,
            "verdict": "fail" if share > limit else "warn" if share > warning else "pass",
            "waiting": waiting.get(reason, 0),
        }
    verdicts = {figure["verdict"] for figure in figures.values()}
    unknown = sorted(own.keys() - ADVICE.keys())
    return dg.AssetCheckResult(
        passed=verdicts <= {"pass"} and not unknown,
        check_name=BY_REASON,
        asset_key=dg.AssetKey(key),
        severity=dg.AssetCheckSeverity.ERROR if "fail" in verdicts else dg.AssetCheckSeverity.WARN,
        metadata={
            "read": account.read.total(),
            "by_reason": dg.MetadataValue.json(figures),
            "limits_of_no_reason": len(unknown),
        },
    )
