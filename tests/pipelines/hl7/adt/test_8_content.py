"""Section 8 of the checklist, content beyond ADT: one test or more a line."""

import base64
from datetime import date, datetime
from typing import Any

import pytest

from resources.postgres import Database, Role
from tests.pipelines.hl7.adt.fold import fold, outcomes, person, visit_key
from tests.pipelines.hl7.conftest import Ingest
from tests.pipelines.hl7.messages import message, rows, visit

T = datetime
GLUCOSE = "OBX|{}|NM|2345-7^Glucose^LN||{}|mg/dL^^UCUM|70-99|H|||{}|||{}"
ORDER = "OBR|1|P1|F1^LAB|24323-8^CMP^LN|||202603080900|||||||||||||||||LAB|F"


def rx(table: str, *messages: bytes) -> list[dict[str, Any]]:
    return fold(*messages).get(table, [])


def test_8_01_results_by_type_status_flags_ranges_units_and_time() -> None:
    first = message(
        "ORU^R01",
        "20260308",
        visit(),
        ORDER,
        GLUCOSE.format(1, 101, "P", ""),
        GLUCOSE.format(2, 95, "F", "202603081000"),
    )
    (one,) = rx("measurement", first)
    assert (one["value_number"], one["unit_code"], one["range_low"], one["range_high"]) == (95.0, "mg/dL", 70.0, 99.0)
    assert (one["status"], one["category"], one["measurement_datetime"]) == ("final", "laboratory", T(2026, 3, 8, 10))
    assert [flag["code"] for flag in one["interpretation_codings"]] == ["H"]
    assert (one["person_key"], one["visit_occurrence_key"]) == (person(), visit_key())
    corrected = message("ORU^R01", "20260309", ORDER, GLUCOSE.format(1, 96, "C", ""))
    (one,) = rx("measurement", first, corrected)
    assert (one["value_number"], one["status"], one["measurement_datetime"]) == (96.0, "corrected", T(2026, 3, 8, 9))
    for status in ("D", "X", "W"):
        withdrawn = message("ORU^R01", "20260310", ORDER, GLUCOSE.format(1, "", status, ""))
        tables = fold(first, corrected, withdrawn)
        assert "measurement" not in tables
        assert list(outcomes(tables, "Order").values()) == ["withdrawn"]


def test_8_01_each_patient_of_a_message_has_their_own_results() -> None:
    other = "PID|1||200^^^HOSP&urn:oid:1.2.3&ISO^MR"
    body = message(
        "ORU^R01",
        "20260308",
        ORDER,
        GLUCOSE.format(1, 95, "F", ""),
        other,
        ORDER.replace("F1", "F2"),
        GLUCOSE.format(1, 50, "F", ""),
    )
    assert {row["person_key"]: row["value_number"] for row in rx("measurement", body)} == {
        person("100"): 95.0,
        person("200"): 50.0,
    }


def test_8_01_text_reports_become_notes() -> None:
    lines = [f"OBX|{number}|TX|18748-4^Report^LN||{text}||||||F" for number, text in ((1, "Findings:"), (2, "None."))]
    report = message("ORU^R01", "20260308", visit(), ORDER.replace("|LAB|F", "|RAD|F"), *lines)
    tables = fold(report)
    (note,) = tables["note"]
    assert (note["note_text"], note["note_title"], note["note_datetime"]) == (
        "Findings:\nNone.",
        "Report",
        T(2026, 3, 8, 9),
    )
    assert (note["type_codings"][0]["code"], note["visit_occurrence_key"]) == ("18748-4", visit_key())
    assert "measurement" not in tables
    # What the laboratory says in words is a result.
    laboratory = message("ORU^R01", "20260308", ORDER, *lines)
    assert [row["value_text"] for row in rx("measurement", laboratory)] == ["Findings:\nNone."]


def document(
    trigger: str, at: str, number: str, *segments: str, parent: str = "", status: str = "AU", available: str = ""
) -> bytes:
    about = f"TXA|1|DS^Discharge summary^L|TX|{at}||||||||{number}^HIS|{parent}||||{status}||{available}"
    return message(f"MDM^{trigger}", at, visit(), about, *segments)


def text(*lines: str) -> list[str]:
    return [f"OBX|{number}|TX|1^Text^L||{line}||||||F" for number, line in enumerate(lines, start=1)]


def notes(*messages: bytes) -> list[str]:
    return sorted(row["note_text"] for row in rx("note", *messages))


def test_8_02_documents_are_made_edited_replaced_and_cancelled() -> None:
    made = document("T02", "20260301", "D1", *text("one", "two"))
    (note,) = rx("note", made)
    assert (note["note_text"], note["note_date"], note["note_title"]) == (
        "one\ntwo",
        date(2026, 3, 1),
        "Discharge summary",
    )
    assert (note["person_key"], note["visit_occurrence_key"]) == (person(), visit_key())
    assert notes(made, document("T08", "20260302", "D1", *text("edited"))) == ["edited"]
    assert notes(made, document("T04", "20260302", "D1", *text("edited"))) == ["edited"]
    addendum = document("T06", "20260302", "D2", *text("more"), parent="D1^HIS")
    assert notes(made, addendum) == ["more", "one\ntwo"]
    replacement = document("T10", "20260302", "D3", *text("instead"), parent="D1^HIS")
    assert notes(made, replacement) == notes(replacement, made) == ["instead"]
    assert notes(made, document("T09", "20260302", "D3", parent="D1^HIS")) == []
    cancelled = document("T11", "20260302", "D1")
    tables = fold(made, cancelled)
    assert ("note" in tables, list(outcomes(tables, "Document").values())) == (False, ["withdrawn"])
    assert notes(made, document("T03", "20260302", "D1", available="CA")) == []


@pytest.mark.parametrize("trigger", ["T01", "T03", "T05", "T07", "T09"])
def test_8_02_notifications_without_content_make_no_note_and_change_none(trigger: str) -> None:
    made = document("T02", "20260301", "D1", *text("one"))
    assert notes(document(trigger, "20260302", "D1", *text("not content"))) == []
    assert notes(made, document(trigger, "20260302", "D1")) == ["one"]


def test_8_02_a_document_is_a_note_when_it_is_finished() -> None:
    dictated = document("T02", "20260301", "D1", *text("one"), status="DI")
    assert list(outcomes(fold(dictated), "Document").values()) == ["unfinished"]
    assert notes(dictated, document("T03", "20260302", "D1", status="AU")) == ["one"]


def test_8_02_rtf_and_base64_are_decoded() -> None:
    rtf = base64.b64encode(b"{\\rtf1\\ansi Plain \\b bold\\b0}").decode()
    encapsulated = document("T02", "20260301", "D1", f"OBX|1|ED|1^T^L||^application^rtf^Base64^{rtf}||||||F")
    assert [found.strip() for found in notes(encapsulated)] == ["Plain bold"]
    written = document("T02", "20260301", "D1", "OBX|1|FT|1^T^L||{\\E\\rtf1\\E\\ansi Plain}||||||F")
    assert [found.strip() for found in notes(written)] == ["Plain"]


def vaccination(number: str, rest: str, at: str = "20260308", order: str = "ORC|RE||{}^REG") -> bytes:
    return message(
        "VXU^V04",
        at,
        order.format(number),
        f"RXA|0|1|20260301||140^Influenza^CVX|{rest}",
        "RXR|IM^Intramuscular^HL70162",
    )


GIVEN = "0.5|mL^^UCUM||00||||||LOT1|||||CP|A"


def test_8_03_vaccinations_by_cvx_with_refusals_and_deletions() -> None:
    (one,) = rx("drug_exposure", vaccination("R1", GIVEN))
    assert (one["kind"], one["codings"]) == (
        "immunization",
        [{"system": "http://hl7.org/fhir/sid/cvx", "code": "140", "display": "Influenza"}],
    )
    assert (one["drug_exposure_start_date"], one["drug_exposure_end_date"]) == (date(2026, 3, 1), date(2026, 3, 1))
    assert (one["quantity"], one["dose_unit_source_value"], one["lot_number"]) == (0.5, "mL", "LOT1")
    assert (one["primary_source"], one["route_codings"][0]["code"]) == (True, "IM")
    (historical,) = rx("drug_exposure", vaccination("R1", GIVEN.replace("||00||", "||01||").replace("0.5", "999")))
    assert (historical["primary_source"], historical["quantity"]) == (False, None)
    refused = vaccination("R2", f"999{'|' * 12}00^Parental decision^NIP002||RE|A")
    tables = fold(refused)
    assert "drug_exposure" not in tables
    (refusal,) = tables["observation"]
    assert (refusal["kind"], refusal["status"], refusal["observation_date"]) == (
        "not-done",
        "not-done",
        date(2026, 3, 1),
    )
    assert refusal["reason_text"] == "Parental decision"
    deleted = vaccination("R1", GIVEN.replace("CP|A", "CP|D"), at="20260309")
    assert rx("drug_exposure", vaccination("R1", GIVEN), deleted) == []
    updated = vaccination("R1", GIVEN.replace("LOT1", "LOT2").replace("CP|A", "CP|U"), at="20260309")
    assert [row["lot_number"] for row in rx("drug_exposure", vaccination("R1", GIVEN), updated)] == ["LOT2"]
    none = message(
        "VXU^V04", "20260308", "ORC|RE||9999^CDC", "RXA|0|1|20260301||998^No vaccine^CVX|999||||||||||||||NA"
    )
    assert set(fold(none)) == {"_outcomes", "person", "person_identifier", "location", "linked_person", "data_quality"}


def test_8_03_orders_and_supplies_of_drugs_are_exposures() -> None:
    drug = "RXE|^^^20260301|197361^Amlodipine 5 MG^RXNORM|5||mg|||||30|TAB|3||RX77"
    ordered = message("RDE^O11", "20260301", visit(), "ORC|NW|P1|F1^PHARM||||||20260301", drug, "RXR|PO^Oral^HL70162")
    (one,) = rx("drug_exposure", ordered)
    assert (one["kind"], one["intent"], one["status"], one["quantity"], one["refills"]) == (
        "prescription", "order", "active", 30.0, 3,
    )  # fmt: skip
    assert (one["codings"][0]["code"], one["drug_exposure_start_date"]) == ("197361", date(2026, 3, 1))
    assert (one["visit_occurrence_key"], one["route_codings"][0]["code"]) == (visit_key(), "PO")
    stopped = message("RDE^O11", "20260302", "ORC|DC|P1|F1^PHARM||||||20260301", drug)
    assert [row["status"] for row in rx("drug_exposure", ordered, stopped)] == ["stopped"]
    cancelled = message("RDE^O11", "20260302", "ORC|CA|P1|F1^PHARM", drug)
    assert rx("drug_exposure", ordered, cancelled) == rx("drug_exposure", cancelled, ordered) == []
    supply = "RXD|{}|197361^Amlodipine 5 MG^RXNORM|2026030{}|30|TAB||RX77"
    supplied = [message("RDS^O13", f"2026030{n}", "ORC|RE|P1|F1^PHARM", drug, supply.format(n, n)) for n in (2, 3)]
    found = rx("drug_exposure", ordered, *supplied, supplied[0])
    assert sorted((row["kind"], row["drug_exposure_start_date"].day) for row in found) == [
        ("dispensing", 2),
        ("dispensing", 3),
        ("prescription", 1),
    ]


def test_8_03_orders_appointments_and_charges_are_landed_and_counted(ingest: Ingest, db: Database) -> None:
    types = ("SIU^S12", "ORM^O01", "OML^O21", "OMG^O19", "BAR^P01", "DFT^P03")
    account = ingest(*(message(kind, "20260301") for kind in types))
    assert account.excluded == {f"no_mapping:{kind}": 1 for kind in types}
    with db.connect(Role.INGEST) as connection:
        assert connection.execute("SELECT count(*) FROM landing.hl7_message").fetchone() == (len(types),)


def test_8_03_allergies_diagnoses_procedures_and_coverage_of_admissions(ingest: Ingest, db: Database) -> None:
    coverage = "IN1|1|PLAN1^Gold^L|C1|INSURER|||||GROUP|||20260101|20261231||HMO|DOE^JANE|||||||||||||||||||||POLICY9"
    segments = (
        "AL1|1|DA|7980^Penicillin^RXNORM",
        "DG1|1||I10^Hypertension^I10C||20260301|A",
        "PR1|1||99213^Visit^C4||20260301110000",
        coverage,
    )
    ingest(message("ADT^A01", "20260301100000", visit(), *segments))
    assert [row["kind"] for row in rows(db, "observation")] == ["allergy"]
    (condition,) = rows(db, "condition_occurrence")
    assert (condition["visit_occurrence_key"], condition["category"]) == (visit_key(), "admitting")
    (procedure,) = rows(db, "procedure_occurrence")
    assert (procedure["codings"][0]["code"], procedure["procedure_datetime"], procedure["visit_occurrence_key"]) == (
        "99213", T(2026, 3, 1, 11), visit_key(),
    )  # fmt: skip
    (plan,) = rows(db, "payer_plan_period")
    assert (plan["payer_name"], plan["plan_name"], plan["start_date"], plan["end_date"], plan["status"]) == (
        "INSURER", "Gold", date(2026, 1, 1), date(2026, 12, 31), "active",
    )  # fmt: skip
    assert not any("POLICY9" in str(value) or "DOE" in str(value) for value in plan.values())


def test_8_04_what_is_not_mapped_is_counted_by_type(ingest: Ingest) -> None:
    account = ingest(message("REF^I12", "20260301"), message("REF^I12", "20260302"), message("ADT^A20", "20260301"))
    assert account.read == {"REF^I12": 2, "ADT^A20": 1}
    assert account.excluded == {"no_mapping:REF^I12": 2, "no_mapping:ADT^A20": 1}
