"""Checks of what a load's account says: it closes, and quarantine holds no more than the settings allow."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets.checks import check_spec, none_of
from pipelines.account import Account
from pipelines.lineage.advice import ADVICE
from resources.settings import Settings

_CLOSES = "account_closes"
_SHARE = "quarantined_share"
_BY_REASON = "quarantined_by_reason"


def account_check_specs(key: tuple[str, str]) -> list[dg.AssetCheckSpec]:
    """Specifications of ``account_checks``."""
    return [
        check_spec(key, _CLOSES, "Read is loaded, excluded or quarantined.", blocking=True),
        check_spec(key, _SHARE, "The share in quarantine is below the settings' limit."),
        check_spec(key, _BY_REASON, "No reason took a larger share of what was read than its own limit."),
    ]


def account_checks(
    settings: Settings, key: tuple[str, str], accounts: Sequence[Account], waiting: Mapping[str, int]
) -> list[dg.AssetCheckResult]:
    """Whether each account closes, and whether quarantine took no more of them together than the settings allow.

    Args:
        settings: the limits.
        key: the asset.
        accounts: of this load.
        waiting: records in quarantine by reason, of all loads.
    """
    total = sum(accounts, Account())
    share = total.quarantined.total() / max(1, total.read.total())
    return [
        none_of(key, _CLOSES, [account.closes for account in accounts].count(False)),
        dg.AssetCheckResult(
            passed=share <= settings.quarantine_fail_fraction,
            check_name=_SHARE,
            asset_key=dg.AssetKey(key),
            metadata={
                "share": share,
                "limit": settings.quarantine_fail_fraction,
                "by_reason": dg.MetadataValue.json(dict(total.quarantined)),
            },
        ),
        by_reason_check(settings, key, total, waiting),
    ]


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
        check_name=_BY_REASON,
        asset_key=dg.AssetKey(key),
        severity=dg.AssetCheckSeverity.ERROR if "fail" in verdicts else dg.AssetCheckSeverity.WARN,
        metadata={
            "read": account.read.total(),
            "by_reason": dg.MetadataValue.json(figures),
            "limits_of_no_reason": len(unknown),
        },
    )
