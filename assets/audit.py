"""Group ``audit``: the audit chains' ends, signed once a run, and the whole log verified."""

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg

from assets.checks import check_spec
from assets.content_free import content_free_errors
from assets.metadata import table_metadata, table_spec
from resources import audit
from resources.identity.emergency import waiting
from resources.postgres import Role, database
from resources.settings import Settings

SIGNED_HEAD = ("audit", "signed_head")
_CHECK = "log_is_whole"
_GLASS = "emergency_access_is_acknowledged"


@dg.multi_asset(
    name="sign_audit_heads",
    specs=[
        table_spec(
            *SIGNED_HEAD,
            deps=(["inference", "adjudication"],),
            kinds={"python", "postgres"},
            description="The ends of all audit chains, signed outside the database after what this run did.",
        )
    ],
    check_specs=[
        check_spec(SIGNED_HEAD, _CHECK, "No audit event and no signed head was altered, removed or put in."),
        check_spec(SIGNED_HEAD, _GLASS, "An auditor has acknowledged every emergency access (break-glass)."),
    ],
)
def signed_head(settings: dg.ResourceParam[Settings]) -> Iterator[dg.MaterializeResult[None]]:
    """Sign, then verify: events that were altered before are named, whatever is signed now."""
    with content_free_errors():
        warehouse = database(settings)
        head = audit.sign(settings, warehouse)
        found = audit.verify(settings, warehouse)
        open_glass = waiting(warehouse)
        yield dg.MaterializeResult(
            asset_key=SIGNED_HEAD,
            metadata={
                "number": head.number,
                "events": found.events,
                "sha256": head.sha256,
                **table_metadata(warehouse, Role.AUDITOR, *SIGNED_HEAD),
            },
            check_results=[
                dg.AssetCheckResult(
                    passed=found.is_whole,
                    check_name=_CHECK,
                    asset_key=dg.AssetKey(SIGNED_HEAD),
                    metadata={
                        "broken": dg.MetadataValue.json([asdict(event) for event in found.broken]),
                        "broken_heads": dg.MetadataValue.json([asdict(broken) for broken in found.broken_heads]),
                    },
                ),
                dg.AssetCheckResult(
                    passed=not open_glass,
                    check_name=_GLASS,
                    asset_key=dg.AssetKey(SIGNED_HEAD),
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata={"emergency_access_ids": open_glass},
                ),
            ],
        )
