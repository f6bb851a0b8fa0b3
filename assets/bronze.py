"""Group ``bronze``: landed FHIR and HL7 v2 as OMOP-shaped rows with source codes, and the account of the load."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import dagster as dg

from assets.account import account_check_specs, account_checks
from assets.checks import check_spec, count, none_of
from assets.content_free import content_free_errors, log_progress
from assets.landing import FHIR_FILES, HL7_MESSAGES
from assets.metadata import account_metadata, table_metadata, table_spec
from pipelines.lineage.mappings import mappings_in_bronze, mixed_sources
from pipelines.quarantine import counts_by_reason
from resources.postgres import Database, Role, database
from resources.settings import Settings

TABLES = {
    "resource": "The current version of every resource and HL7 v2 fold seen, and what became of it.",
    "superseded_row": "Rows that later versions replaced, of what features as of a day are made of.",
    "reference_alias": "Other keys a resource is referred to by, such as Practitioner?identifier=system|value.",
    "person": "Patients as each source has them.",
    "person_link": "Patients whom the record of another says it replaces.",
    "linked_person": "Patients whom HL7 v2 links to another without saying that they are one.",
    "person_identifier": "Identifiers by which patients of several sources are found to be one person.",
    "location": "Addresses without street.",
    "care_site": "Organizations, locations and wards.",
    "provider": "Practitioners.",
    "provider_role": "What practitioners do, where and with which specialty.",
    "visit_occurrence": "Encounters and HL7 v2 visits.",
    "visit_detail": "Stays within a visit.",
    "condition_occurrence": "Conditions with all their codings.",
    "medication": "Medications that others name by reference.",
    "drug_exposure": "Medication requests, dispenses, administrations, statements and immunizations.",
    "procedure_occurrence": "Procedures with all their codings.",
    "device": "Devices, of a patient or of none.",
    "device_exposure": "Uses of devices, stated or by a procedure.",
    "measurement": "Observations and HL7 v2 OBX, a row a value; components are rows of their own.",
    "observation": "Allergies, reports, orders, what was not done, adverse events and goals.",
    "rejected_request": "Orders and prescriptions whose fulfilment a Task rejects.",
    "specimen": "Specimens that were taken.",
    "note": "Documents and narrative reports.",
    "payer_plan_period": "What patients are insured by, and when.",
    "claim_line": "Lines of claims and of what payers made of them, with money or codes.",
    "care_team": "Teams that look after a patient.",
    "care_team_participant": "Practitioners and organisations of those teams.",
    "consent": "What patients agreed to, by policy and status.",
    "consent_provision": "What a consent permits or denies, a row a provision.",
    "provenance": "Which organisation asserted or transmitted a record.",
    "data_quality": "What is not right about HL7 v2 messages that were loaded all the same.",
}
LOAD_BRONZE = "load_bronze"
_RESOURCE = ("bronze", "resource")
_SUPERSEDED = ("bronze", "superseded_row")
_KNOWN = "superseded_rows_without_resource"
_OWNED = "rows_without_loaded_resource"
_OWNING = tuple(table for table in TABLES if ("bronze", table) not in (_RESOURCE, _SUPERSEDED))
_OWNED_OF_PERSONS = "rows_of_persons_without_loaded_resource"
_ONE_MAPPING = "one_mapping_per_source_system"


def _check_specs() -> list[dg.AssetCheckSpec]:
    owned = "Every row belongs to a resource that is loaded."
    return [
        *account_check_specs(_RESOURCE),
        check_spec(_RESOURCE, _ONE_MAPPING, "What bronze holds of a source was mapped by one profile and version."),
        check_spec(_SUPERSEDED, _KNOWN, "Every row was one of a resource that bronze knows.", blocking=True),
        *(check_spec(("bronze", table), _OWNED, owned, blocking=True) for table in _OWNING),
    ]


class LoadConfig(dg.Config):
    """What is loaded.

    Attributes:
        feeds: all that was landed, or HL7 v2 messages alone; then only what these changed is looked at.
    """

    feeds: Literal["all", "hl7"] = "all"


@dg.multi_asset(
    name=LOAD_BRONZE,
    specs=[
        table_spec(
            "bronze",
            table,
            deps=(list(FHIR_FILES), list(HL7_MESSAGES)),
            kinds={"dlt", "python", "postgres"},
            description=text,
        )
        for table, text in TABLES.items()
    ],
    check_specs=_check_specs(),
    pool="warehouse",
)
def bronze(
    context: dg.AssetExecutionContext, config: LoadConfig, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Load what was landed and not loaded yet, first FHIR, then HL7 v2."""
    from pipelines.fhir import load_fhir
    from pipelines.hl7 import fold_messages

    with content_free_errors():
        warehouse, progress = database(settings), log_progress(context)
        accounts = {"fhir": load_fhir(settings, warehouse, progress)} if config.feeds == "all" else {}
        folded = fold_messages(settings, warehouse, progress)
        accounts["hl7"] = folded.account
        mappings = mappings_in_bronze(warehouse)
        mixed = mixed_sources(mappings)
        persons = None if config.feeds == "all" else folded.person_keys
        told = {
            name: value for feed, account in accounts.items() for name, value in account_metadata(account, feed).items()
        }
        yield dg.MaterializeResult(
            asset_key=_RESOURCE,
            metadata={
                **told,
                "mappings": dg.MetadataValue.json(_told(mappings)),
                **_rows(warehouse, "resource", persons),
            },
            check_results=[
                *account_checks(settings, _RESOURCE, list(accounts.values()), counts_by_reason(warehouse)),
                none_of(_RESOURCE, _ONE_MAPPING, len(mixed), mixed=mixed),
            ],
        )
        yield from (_table_result(warehouse, table, persons) for table in _OWNING)
        yield dg.MaterializeResult(
            asset_key=_SUPERSEDED,
            metadata=_rows(warehouse, "superseded_row", persons),
            check_results=[none_of(_SUPERSEDED, _KNOWN, count(warehouse, Role.INGEST, _KNOWN))],
        )


def _told(mappings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**found, "loaded_at": found["loaded_at"].isoformat()} for found in mappings]


def _rows(warehouse: Database, table: str, persons: Sequence[int] | None) -> dict[str, Any]:
    """Rows and columns of a table; of some persons' load they are not counted, which takes longer than the load."""
    return table_metadata(warehouse, Role.INGEST, "bronze", table) if persons is None else {}


def _table_result(warehouse: Database, table: str, persons: Sequence[int] | None) -> dg.MaterializeResult[None]:
    key = ("bronze", table)
    if persons is None:
        orphans = count(warehouse, Role.INGEST, _OWNED, table=table)
    else:
        orphans = count(warehouse, Role.INGEST, _OWNED_OF_PERSONS, {"person_keys": list(persons)}, table=table)
    return dg.MaterializeResult(
        asset_key=key,
        metadata=_rows(warehouse, table, persons),
        check_results=[none_of(key, _OWNED, orphans)],
    )
