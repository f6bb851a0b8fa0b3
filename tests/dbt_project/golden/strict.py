"""Golden cases of the profile ``ig-strict``: the guide's own rules, by a source system that is mapped by them."""

from typing import Any

from tests.dbt_project.golden.case import ASPIRIN, STRICT, Case, Resource, left_out, order, told
from tests.dbt_project.golden.observations import seen
from tests.dbt_project.golden.orders import COLONOSCOPY, COLONOSCOPY_CONCEPT, ORDERED
from tests.dbt_project.golden.vocabulary import REQUESTED
from tests.dbt_project.population import ICD10, LOINC, RXNORM, coded, of

_E11 = coded(ICD10, "E11.9")


def _strictly(
    name: str,
    resource: Resource,
    table: str,
    columns: str,
    *expected: tuple[Any, ...],
    requirements: tuple[str, ...] = (),
) -> Case:
    return Case(name, [resource], table, columns, list(expected), ("f2o-060", *requirements), source=STRICT)


def _left(name: str, resource: Resource, reason: str) -> Case:
    return left_out(name, resource, reason, "f2o-060", "f2o-061", "f2o-062", source=STRICT)


def _prescribed(name: str, intent: str, status: str = "active") -> Case:
    found = order(name, intent=intent, status=status, **ASPIRIN)
    return _strictly(name, found, "omop.drug_exposure", "drug_type_concept_id", (32838,))


def _diagnosis(name: str, code: str | None) -> Resource:
    status = {"verificationStatus": told(code, "condition-ver-status")} if code else {}
    return of(name, "Condition", name, code=_E11, recordedDate="2026-02-03", **status)


def _doubted(code: str) -> Case:
    name = f"strict-condition-{code}"
    columns = "observation_concept_id, qualifier_source_value"
    return _strictly(name, _diagnosis(name, code), "omop.observation", columns, (201826, code))


def _confirmed(name: str, code: str | None) -> Case:
    return _strictly(name, _diagnosis(name, code), "omop.condition_occurrence", "condition_concept_id", (201826,))


def _allergy(name: str, code: str) -> Resource:
    status = told(code, "allergyintolerance-verification")
    return of(name, "AllergyIntolerance", name, code=coded(RXNORM, "1191"), recordedDate="2026-02-03",
              verificationStatus=status)  # fmt: skip


STRICTLY = [
    *(_left(f"strict-{intent}", order(f"strict-{intent}", intent=intent, **ASPIRIN), f"intent:{intent}")
      for intent in ("order", "original-order", "filler-order", "proposal", "plan")),
    _prescribed("strict-instance-order", "instance-order"),
    _prescribed("strict-instance-order-stopped", "instance-order", "stopped"),
    _prescribed("strict-instance-order-cancelled", "instance-order", "cancelled"),
    _left("strict-instance-order-in-error",
          order("strict-instance-order-in-error", intent="instance-order", status="entered-in-error", **ASPIRIN),
          "status:entered-in-error"),
    _confirmed("strict-condition-confirmed", "confirmed"),
    _confirmed("strict-condition-nobody-verified", None),
    *(_doubted(code) for code in ("provisional", "differential", "refuted")),
    *(_left(f"strict-condition-{code}-left-out", _diagnosis("", code), f"verification:{code}")
      for code in ("unconfirmed", "entered-in-error")),
    # What was refuted is on record, and is nowhere taken for what happened.
    _strictly("strict-refuted-did-not-happen", _diagnosis("strict-refuted-did-not-happen", "refuted"),
              "omop.event_source", "cdm_table, has_happened", ("observation", False)),
    _strictly("strict-refuted-in-the-timeline", _diagnosis("strict-refuted-in-the-timeline", "refuted"),
              "features.patient_timeline", "concept_name", ("Refuted: Type 2 diabetes mellitus",)),
    _strictly("strict-refuted-is-no-problem", _diagnosis("strict-refuted-is-no-problem", "refuted"),
              "features.problem_list", "person_id"),
    _strictly("strict-allergy-confirmed", _allergy("strict-allergy-confirmed", "confirmed"), "omop.observation",
              "value_as_concept_id", (1112807,)),
    *(_left(f"strict-allergy-{code}", _allergy("", code), f"verification:{code}")
      for code in ("unconfirmed", "refuted")),
    _strictly("strict-service-ordered",
              of("strict-service-ordered", "ServiceRequest", "strict-service", code=COLONOSCOPY, **ORDERED),
              "omop.observation", "observation_concept_id, value_as_concept_id", (REQUESTED, COLONOSCOPY_CONCEPT)),
    _strictly("strict-result", seen("strict-result", "strict-result", coded(LOINC, "4548-4"), valueInteger=7),
              "omop.measurement", "value_as_number::int", (7,)),
    _strictly("strict-list", of("strict-list", "MedicationStatement", "strict-list", status="completed",
                                effectiveDateTime="2026-02-03", **ASPIRIN),
              "omop.drug_exposure", "drug_type_concept_id", (32830,)),
    _left("strict-result-preliminary",
          seen("", "", coded(LOINC, "4548-4"), status="preliminary", valueInteger=7), "status:preliminary"),
]  # fmt: skip
