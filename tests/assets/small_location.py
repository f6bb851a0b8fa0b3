"""A code location whose assets succeed, fail with content in the error, or take long."""

import time

import dagster as dg

from assets.content_free import content_free_errors
from resources.settings import load_settings

CANARY = "Zzyzxcanary"


@dg.asset
def good() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"home": str(load_settings().home), "inbox": str(load_settings().hl7_inbox)})


@dg.asset(check_specs=[dg.AssetCheckSpec(name, asset="doubtful") for name in ("fails", "warns")])
def doubtful() -> dg.MaterializeResult:
    return dg.MaterializeResult(
        check_results=[
            dg.AssetCheckResult(passed=False, check_name="fails"),
            dg.AssetCheckResult(passed=False, check_name="warns", severity=dg.AssetCheckSeverity.WARN),
        ]
    )


@dg.asset
def bad() -> None:
    with content_free_errors():
        try:
            int(CANARY)
        except ValueError as error:
            raise ValueError(f"could not read {CANARY}") from error


@dg.asset(pool="warehouse")
def slow() -> None:
    (load_settings().home / "started").touch()
    if not (load_settings().home / "hurry").exists():
        time.sleep(300)


defs = dg.Definitions(
    assets=[good, doubtful, bad, slow],
    jobs=[
        dg.define_asset_job(name, dg.AssetSelection.assets(*assets))
        for name, assets in {"good_job": [good, doubtful], "bad_job": [bad], "slow_job": [slow]}.items()
    ],
)
