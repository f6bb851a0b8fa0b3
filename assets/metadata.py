"""What every asset says of itself: owners, freshness, and its table's columns and rows."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
from psycopg import sql

from assets.statements import statement
from pipelines.account import Account
from resources.postgres import Database, Role, without_row_values

DATA_PLATFORM = "team:data-platform"
CLINICAL_INFORMATICS = "team:clinical-informatics"

# The nightly run has two hours to spare before its tables count as stale.
FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26), warn_window=timedelta(hours=25))


def table_spec(
    schema: str, table: str, *, asset_name: str | None = None, deps: tuple[Any, ...] = (), **attributes: Any
) -> dg.AssetSpec:
    """An asset that is one table of the warehouse: group and key prefix are its schema."""
    attributes.setdefault("owners", [DATA_PLATFORM])
    return dg.AssetSpec(
        key=[schema, asset_name or table],
        deps=deps,
        group_name=schema,
        freshness_policy=FRESHNESS,
        metadata={"dagster/table_name": f"{schema}.{table}"},
        **attributes,
    )


def table_metadata(database: Database, role: Role, schema: str, table: str) -> dict[str, Any]:
    """Row count and columns of a table, as this role sees it."""
    with without_row_values(), database.connect(role) as connection:
        columns = connection.execute(statement("table_columns"), {"schema": schema, "table": table}).fetchall()
        counted = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table)))
        rows = counted.fetchone()
    return {
        "dagster/row_count": rows[0] if rows else 0,
        "dagster/column_schema": dg.TableSchema(
            [
                dg.TableColumn(name, kind, description, dg.TableColumnConstraints(nullable=nullable))
                for name, kind, description, nullable in columns
            ]
        ),
    }


def account_metadata(account: Account, prefix: str) -> dict[str, Any]:
    """An account's totals and its counts by type and reason."""
    whole = account.as_dict()
    totals: Mapping[str, Any] = {f"{prefix}_{name}": sum(counts.values()) for name, counts in whole.items()}
    return {**totals, f"{prefix}_account": dg.MetadataValue.json(whole)}
