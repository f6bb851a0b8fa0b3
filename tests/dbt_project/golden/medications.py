"""Golden cases of medications: requests, dispenses, administrations and statements, and the drugs they name."""

from tests.dbt_project.golden.case import ASPIRIN, SNOMED, Case, drug, order
from tests.dbt_project.population import RXNORM, coded, of

ORAL = coded(SNOMED, "26643006", "oral")
_DRUG = (
    "drug_type_concept_id, drug_concept_id, drug_source_value, drug_exposure_start_date::text, "
    "drug_exposure_end_date::text, quantity::float, days_supply"
)

MEDICATIONS = [
    Case(
        "drug-by-reference",
        [drug("tablet", "1191"), order("drug-by-reference", medicationReference={"reference": "Medication/tablet"})],
        "omop.drug_exposure",
        _DRUG,
        [(32838, 1112807, "1191", "2026-01-10", "2026-01-10", None, None)],
    ),
    Case(
        "drug-by-uuid",
        [
            drug("5d2e1f0a-0000-4000-8000-000000000001", "1191"),
            order(
                "drug-by-uuid", medicationReference={"reference": "urn:uuid:5d2e1f0a-0000-4000-8000-000000000001"}
            ),
        ],
        "omop.drug_exposure",
        _DRUG,
        [(32838, 1112807, "1191", "2026-01-10", "2026-01-10", None, None)],
    ),
    Case(
        "drug-by-identifier",
        [
            drug("stocked", "1191", identifier=[{"system": "urn:stock", "value": "7"}]),
            order("drug-by-identifier", medicationReference={"identifier": {"system": "urn:stock", "value": "7"}}),
        ],
        "omop.drug_exposure",
        _DRUG,
        [(32838, 1112807, "1191", "2026-01-10", "2026-01-10", None, None)],
    ),
    Case(
        "drug-inside",
        [
            order(
                "drug-inside",
                contained=[{"resourceType": "Medication", "id": "in", "code": coded(RXNORM, "1191")}],
                medicationReference={"reference": "#in"},
            )
        ],
        "omop.drug_exposure",
        _DRUG,
        [(32838, 1112807, "1191", "2026-01-10", "2026-01-10", None, None)],
    ),
    Case(
        "drug-that-never-came",
        [order("drug-that-never-came", medicationReference={"reference": "Medication/none", "display": "Tablets"})],
        "omop.drug_exposure",
        _DRUG,
        [(32838, 0, "Tablets", "2026-01-10", "2026-01-10", None, None)],
    ),
    Case(
        "drug-handed-over",
        [
            of(
                "drug-handed-over", "MedicationDispense", "handed", status="completed", whenHandedOver="2026-02-01",
                daysSupply={"value": 10, "code": "d"}, quantity={"value": 20}, **ASPIRIN,
            )
        ],
        "omop.drug_exposure",
        _DRUG,
        [(32825, 1112807, "1191", "2026-02-01", "2026-02-10", 20, 10)],
    ),
    Case(
        "drug-given",
        [
            of(
                "drug-given", "MedicationAdministration", "given", status="completed", **ASPIRIN,
                effectivePeriod={"start": "2026-02-01T08:00:00Z", "end": "2026-02-02T08:00:00Z"},
                dosage={"route": ORAL, "dose": {"value": 81, "unit": "mg"}},
            )
        ],
        "omop.drug_exposure",
        _DRUG + ", dose_unit_source_value, route_source_value",
        [(32818, 1112807, "1191", "2026-02-01", "2026-02-02", 81, None, "mg", "26643006")],
    ),
    Case(
        "drug-said-by-the-patient",
        [
            of(
                "drug-said-by-the-patient", "MedicationStatement", "said", status="active", dateAsserted="2026-02-03",
                informationSource={"reference": "Patient/drug-said-by-the-patient"}, **ASPIRIN,
            )
        ],
        "omop.drug_exposure",
        _DRUG,
        [(32865, 1112807, "1191", "2026-02-03", "2026-02-03", None, None)],
    ),
    Case(
        "drug-on-a-list",
        [
            of(
                "drug-on-a-list", "MedicationStatement", "listed", status="completed", **ASPIRIN,
                effectivePeriod={"start": "2026-01-01", "end": "2026-01-31"},
            )
        ],
        "omop.drug_exposure",
        _DRUG,
        [(32830, 1112807, "1191", "2026-01-01", "2026-01-31", None, None)],
    ),
]  # fmt: skip
