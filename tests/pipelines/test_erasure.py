"""One person is erased from every store, the other stays as they are, and no load brings the one back."""

import gzip
import json
import os
import re
import resource
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pipelines.erasure import ErasureError, erase, preview
from pipelines.erasure.person import UnknownPersonError
from pipelines.erasure.sweep import WITHOUT_TEXT, Sweep, sweep_tables
from pipelines.erasure.words import Word
from pipelines.fhir import ingest_fhir, land_fhir, replay_fhir
from pipelines.fhir.mapping.elements import identifier_alias
from pipelines.hl7 import ingest_hl7, replay_messages
from pipelines.keys import resource_key
from pipelines.landing import LandedFile, landed_path
from pipelines.redaction import Edit, redact_landed
from resources import audit
from resources.postgres import Database, Role
from tests.conftest import superuser
from tests.identities import identity
from tests.pipelines import erasure_home as population
from tests.pipelines.erasure_home import GONE, NOTE, STAYS, Built

# What an erasure writes itself, and what of landed files it changes: their hashes.
_OWN = {
    "landing.erasure", "landing.erased_person", "landing.erased_identifier", "landing.redacted_content",
    "landing.erasure_token", "landing.redaction_due",
}  # fmt: skip


@pytest.fixture
def built(server: Database, tmp_path: Path) -> Built:
    return population.copy_of_built(server, tmp_path)


@pytest.fixture(scope="module")
def erased(server: Database, tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, dict[str, Any]]:
    """A home from which one was erased, for tests that change nothing; tables before and after, and the report."""
    found = population.copy_of_built(server, tmp_path_factory.mktemp("erased"))
    before = population.rows_of_all_tables(server, found.database)
    report = erase(found.settings, found.database, GONE, "data-subject-request", "test")
    after = population.rows_of_all_tables(server, found.database)
    return found, {"before": before, "after": after, "report": report}


def content(built: Built, kind: str, number: int = 0) -> bytes:
    """The bytes of a landed file of a kind, unpacked."""
    rows = query(built, "SELECT encode(sha256, 'hex') FROM landing.file WHERE kind = %s ORDER BY file_id", kind)
    found = landed_path(built.settings, rows[number][0]).read_bytes()
    return gzip.decompress(found) if found.startswith(b"\x1f\x8b") else found


def query(built: Built, text: str, *parameters: Any, role: Role = Role.INGEST) -> list[tuple[Any, ...]]:
    with built.database.connect(role) as connection:
        return connection.execute(text.encode(), parameters).fetchall()


def test_nothing_is_left_of_one_person(server: Database, erased: tuple[Built, dict[str, Any]]) -> None:
    built, found = erased
    # The canaries are there to be found: in tables of every room and in every landed file.
    before = population.canaries_in_tables(found["before"])
    rooms = {table.partition(".")[0] for table in before}
    assert rooms >= {"landing", "bronze", "omop", "retrieval", "inference"}
    assert population.canaries_in_tables(found["after"]) == {}
    assert population.canaries_in_files(built.settings.home) == []
    report = found["report"]
    assert (report.state, report.left) == ("verified", {})
    assert report.words > 8
    # Benedict's record and the group named her; they don't any more, so every one of her words can prove it.
    assert report.words_of_others == {}
    # Labels and what policies call care teams know the person by other keys.
    tables = ("int_claim_label", "int_encounter_label", "int_named_resource", "int_resource_label", "int_scope_name")
    for table in tables:
        number = found["before"][f"omop_intermediate.{table}"].total()
        assert (number, found["after"][f"omop_intermediate.{table}"].total()) in ((2, 1), (3, 2), (4, 2), (6, 3)), table
    # The CDM names nobody in relations of facts and in findings.
    for table, rows in (("access.scope_name", 1), ("omop.fact_relationship", 2), ("omop.note_nlp", 1)):
        assert report.rows[table] == rows, table
    assert report.rows["omop.condition_era"] == found["after"]["omop.condition_era"].total() > 0
    for table in found["after"].keys() - _OWN:
        assert not any(str(GONE) in text for text in found["after"][table]), table


def test_the_other_person_keeps_every_row(erased: tuple[Built, dict[str, Any]]) -> None:
    _, found = erased
    for table in found["before"].keys() - _OWN - {"landing.file", "quarantine.record"}:
        removed = found["before"][table] - found["after"][table]
        assert found["after"][table] - found["before"][table] == Counter(), table
        assert removed.total() == found["report"].rows.get(table, 0), table
        assert not any(str(STAYS) in text and str(GONE) not in text for text in removed), table
    assert sum(found["report"].rows.values()) > 30


def test_of_what_is_said_of_both_the_others_part_is_left(built: Built) -> None:
    said = resource_key("ehr", "Provenance", "prov-both")
    targets = "SELECT target_key FROM bronze.provenance WHERE resource_key = %s"
    his = {(STAYS,), (resource_key("ehr", "Observation", "obs-bb-1"),)}
    by_number = identifier_alias("ehr", "Patient", population.MRN, "MR-7711-ZQ")
    hers = {(GONE,), (resource_key("ehr", "Observation", "obs-zq-1"),), (by_number,)}
    assert set(query(built, targets, said)) == his | hers
    erase(built.settings, built.database, GONE, "data-subject-request", "test")
    assert set(query(built, targets, said)) == his


def test_other_lines_and_offsets_are_as_they_were(erased: tuple[Built, dict[str, Any]]) -> None:
    built, _ = erased
    now, then = content(built, "fhir-ndjson").split(b"\n"), (built.fhir / "a.ndjson").read_bytes().split(b"\n")
    assert [len(line) for line in now] == [len(line) for line in then]
    changed = [(new, old) for new, old in zip(now, then, strict=True) if new != old]
    blanked = [old for new, old in changed if not new.strip()]
    assert all(b"zuleika" in line.lower() or b"zq" in line for line in blanked)
    assert len(blanked) == 20
    # Those of others that led to the person: Benedict's link, the group, and who said what about both.
    kept = [json.loads(new) for new, old in changed if new.strip()]
    assert sorted(part["resourceType"] for part in kept) == ["Group", "Patient", "Provenance"]
    assert all(line in now for line in then if b"zuleika" not in line.lower() and b"zq" not in line)
    rows = query(built, "SELECT line_number, resource_id FROM bronze.resource WHERE person_key = %s", STAYS)
    in_ndjson = [(line, name) for line, name in rows if line is not None and not name.startswith("bundled")]
    assert len(in_ndjson) > 4
    assert all(json.loads(now[line - 1])["id"] == name for line, name in in_ndjson)


def test_bundles_and_messages_keep_what_is_others(erased: tuple[Built, dict[str, Any]]) -> None:
    built, _ = erased
    bundle = json.loads(content(built, "fhir-json"))
    assert bundle["entry"][0] == {"erased": True}
    assert bundle["entry"][1] == json.loads(population.bundle())["entry"][1]
    now = content(built, "hl7v2")
    assert len(now) == len(population.messages())
    rows = query(built, "SELECT byte_offset, body FROM landing.hl7_message ORDER BY message_id")
    assert [body.split(b"|")[9] for _, body in rows] == [b"M2", b"M5"]
    assert all(now[offset : offset + len(body)] == body for offset, body in rows)


def test_quarantine_still_points_at_the_other_persons_lines(erased: tuple[Built, dict[str, Any]]) -> None:
    built, _ = erased
    rows = query(
        built,
        "SELECT record_key, encode(sha256, 'hex'), line_number FROM quarantine.record INNER JOIN landing.file "
        "USING (file_id)",
    )
    assert [(key, line) for key, _, line in rows] == [(f"{rows[0][1]}:6", 6)]
    assert b"benedict-0002" in content(built, "fhir-ndjson").split(b"\n")[5]


def test_the_same_files_again_change_nothing(server: Database, built: Built) -> None:
    erase(built.settings, built.database, GONE, "data-subject-request", "test")
    before = population.rows_of_all_tables(server, built.database)
    for account in (
        ingest_fhir(built.settings, built.database, [built.fhir]),
        ingest_hl7(built.settings, built.database, [built.hl7]),
        replay_fhir(built.settings, built.database),
        replay_messages(built.settings, built.database).account,
    ):
        assert account.closes
        # Benedict's own record and what is said of both no longer lead to her, so they are other versions.
        assert account.loaded in ({}, {"Patient": 1, "Provenance": 1})
    after = population.rows_of_all_tables(server, built.database)
    # So he waits to be built, and she does not.
    assert query(
        built, "SELECT count(*) FROM build.changed_person WHERE person_key = %s", GONE, role=Role.TRANSFORM
    ) == [(0,)]
    for table in before.keys() - {"landing.file_load", "bronze.resource", "build.changed_person"}:
        if not table.startswith("bronze_staging."):
            assert after[table] == before[table], table
    assert population.canaries_in_files(built.settings.home) == []


def test_files_read_by_another_mapping_give_the_other_person_only(server: Database, built: Built) -> None:
    erase(built.settings, built.database, GONE, "data-subject-request", "test")
    strict = built.settings.model_copy(update={"mapping_profile": "ig-strict"})
    account = ingest_fhir(strict, built.database, [built.fhir])
    assert account.closes
    assert "erased" not in account.excluded
    assert account.quarantined == {"not_json": 1}
    assert query(built, "SELECT count(*) FROM bronze.resource WHERE person_key = %s", GONE) == [(0,)]
    assert query(built, "SELECT count(*) FROM bronze.person") == [(2,)]


def test_a_new_file_about_them_is_left_out_and_overwritten(server: Database, built: Built, tmp_path: Path) -> None:
    erase(built.settings, built.database, GONE, "data-subject-request", "test")
    before = population.rows_of_all_tables(server, built.database)
    # Another source's record of the same human: another id, the same number; its observation arrives before it.
    elsewhere = population.ZULEIKA | {"id": "zuleika-elsewhere"}
    about = {"resourceType": "Observation", "id": "late", "status": "final", "valueString": "quetzalcoatlus"}
    code = {"coding": [{"system": population.LOINC, "code": "1-1"}]}
    about |= {"code": code, "subject": {"reference": "Patient/zuleika-elsewhere"}, "effectiveDateTime": "2026-05-05"}
    known = about | {"id": "known", "subject": {"reference": "Patient/zuleika-0001"}}
    diet = {"resourceType": "NutritionOrder", "id": "late", "patient": {"reference": "Patient/zuleika-0001"}}
    cut_off = b'{"resourceType":"Observation","subject":{"reference":"Patient/zuleika-0001"},"note":"quetzalcoatlus'
    his = population._of("benedict-0002", "Encounter", "another", status="finished", period={"start": "2026-06-06"})
    his["class"] = {"code": "AMB"}
    first, second = tmp_path / "1.ndjson", tmp_path / "2.ndjson"
    first.write_bytes(json.dumps(about).encode() + b"\n")
    parts = [json.dumps(part).encode() for part in (known, elsewhere, diet, his)]
    second.write_bytes(b"\n".join([*parts, cut_off]) + b"\n")
    account = ingest_fhir(built.settings, built.database, [first, second])
    assert account.closes
    # The observation, too, that was read before it was known whose it is.
    assert account.excluded["erased"] == 5
    assert (dict(account.quarantined), dict(account.loaded)) == ({}, {"Encounter": 1})
    after = population.rows_of_all_tables(server, built.database)
    assert population.canaries_in_tables(after) == {}
    assert population.canaries_in_files(built.settings.home) == []
    assert after["bronze.measurement"] == before["bronze.measurement"]
    assert (after["bronze.visit_occurrence"] - before["bronze.visit_occurrence"]).total() == 1
    assert after["landing.redaction_due"] == Counter()


def test_a_namesake_with_the_number_but_another_birth_date_is_loaded(built: Built, tmp_path: Path) -> None:
    erase(built.settings, built.database, GONE, "data-subject-request", "test")
    other = population.ZULEIKA | {"id": "somebody", "birthDate": "2001-09-09"}
    source = tmp_path / "other.ndjson"
    source.write_bytes(json.dumps(other).encode() + b"\n")
    assert dict(ingest_fhir(built.settings, built.database, [source]).loaded) == {"Patient": 1}


def test_new_messages_about_them_are_left_out_and_overwritten(server: Database, built: Built, tmp_path: Path) -> None:
    erase(built.settings, built.database, GONE, "data-subject-request", "test")
    source = tmp_path / "new.hl7"
    text = re.sub(r"\|M(\d)\|", r"|N\1|", population.messages().decode()).split("MSH")
    # Another number of hers first, the known one second: a key nobody has seen.
    both = text[1].replace("PID|1||", "PID|1||OTHER-7711^^^EAST&9.9&ISO^MR~")
    source.write_bytes("MSH".join(["", both, text[1], text[2]]).encode())
    account = ingest_hl7(built.settings, built.database, [source])
    assert account.closes
    assert (account.excluded["erased"], account.loaded.total()) == (2, 1)
    tables = population.rows_of_all_tables(server, built.database)
    assert population.canaries_in_tables(tables) == {}
    assert population.canaries_in_files(built.settings.home) == []
    assert query(built, "SELECT count(*) FROM landing.hl7_message") == [(3,)]


def test_a_dry_run_counts_the_same_and_changes_nothing(server: Database, built: Built) -> None:
    before = population.rows_of_all_tables(server, built.database)
    files = {path: path.read_bytes() for path in built.settings.home.rglob("*") if path.is_file()}
    found = preview(built.settings, built.database, GONE)
    assert population.rows_of_all_tables(server, built.database) == before
    assert {path: path.read_bytes() for path in built.settings.home.rglob("*") if path.is_file()} == files
    report = erase(built.settings, built.database, GONE, "loaded-in-error", "test")
    in_files = report.rows["quarantine.record"] - found.rows.get("quarantine.record", 0)
    assert found.rows | {"quarantine.record": report.rows["quarantine.record"]} == report.rows
    assert in_files == 2
    assert (found.records, found.mentions) == (report.records, report.mentions)


def test_an_erasure_is_a_fact_of_the_audit_log(erased: tuple[Built, dict[str, Any]]) -> None:
    built, found = erased
    events = [
        event
        for event in audit.events_of(built.settings, built.database, identity(Role.AUDITOR), GONE)
        if event["action"].startswith("erase")
    ]
    assert [(event["action"], event["purpose"]) for event in events] == [
        ("erase", "data-subject-request"),
        ("erase-sweep", "data-subject-request"),
        ("erase-sweep", "data-subject-request"),
        ("erase-sweep", "data-subject-request"),
        ("erase-verified", "data-subject-request"),
    ]
    counts = query(built, "SELECT details FROM audit.event WHERE action = 'erase'", role=Role.AUDITOR)[0][0]
    assert counts["bronze.person"] == found["report"].rows["bronze.person"] == 2
    assert not audit.verify(built.settings, built.database).broken
    again = erase(built.settings, built.database, GONE, "court-order", "test")
    assert (again.state, again.reason_code, again.rows) == ("verified", "data-subject-request", found["report"].rows)


def test_who_is_only_in_one_store_can_be_erased(server: Database, built: Built) -> None:
    with superuser(server, dict(built.database.parameters)["dbname"]) as connection:
        connection.execute("INSERT INTO access.person_scope VALUES (4712, 5)")
    assert preview(built.settings, built.database, 4712).rows == {"access.person_scope": 1}


def test_who_is_back_is_erased_again(server: Database, built: Built) -> None:
    erase(built.settings, built.database, GONE, "data-subject-request", "test")
    with superuser(server, dict(built.database.parameters)["dbname"]) as connection:
        for table in ("erased_person", "erased_identifier", "redacted_content"):
            connection.execute(sql.SQL("DELETE FROM landing.{}").format(sql.Identifier(table)))
    ingest_fhir(built.settings, built.database, [built.fhir])
    assert query(built, "SELECT count(*) FROM bronze.person WHERE person_key = %s", GONE) == [(1,)]
    before = population.rows_of_all_tables(server, built.database)
    found = preview(built.settings, built.database, GONE)
    assert population.rows_of_all_tables(server, built.database) == before
    assert (found.state, found.reason_code, found.rows["bronze.person"]) == ("preview", None, 1)
    report = erase(built.settings, built.database, GONE, "court-order", "test")
    assert found.records == report.records > 0
    assert (report.state, report.left, report.reason_code) == ("verified", {}, "court-order")
    assert population.canaries_in_tables(population.rows_of_all_tables(server, built.database)) == {}
    assert population.canaries_in_files(built.settings.home) == []
    assert query(built, "SELECT count(*) FROM landing.erased_person WHERE person_key = %s", GONE) == [(1,)]


def test_bytes_that_were_erased_are_not_written_again(built: Built) -> None:
    erase(built.settings, built.database, GONE, "data-subject-request", "test")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, limits[1]))
    try:
        report = land_fhir(built.settings, built.database, [built.fhir])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (report.files_new, report.files_known) == (0, 3)


def test_an_edit_that_changes_nothing_keeps_the_bytes(built: Built) -> None:
    (file_id, sha256), *_ = query(built, "SELECT file_id, encode(sha256, 'hex') FROM landing.file WHERE NOT gzip")
    before = landed_path(built.settings, sha256).read_bytes()
    with built.database.connect(Role.ERASER) as connection:
        file = LandedFile(file_id, sha256, "fhir-ndjson", False, False)
        redact_landed(built.settings, connection, file, [Edit(0, before[:1])], [])
    assert landed_path(built.settings, sha256).read_bytes() == before


def test_a_sweep_for_a_thousand_words_finds_the_one(server: Database, erased: tuple[Built, dict[str, Any]]) -> None:
    unsaid = "is the number of a sentence which nobody who writes notes in a hospital has ever written down."
    words = [Word("sentence", f"{number} {unsaid}") for number in range(1200)]
    words += [Word("identifier", f"NUMBER-{number}") for number in range(250)]
    words += [Word("sentence", population.BENS_NOTE), Word("identifier", "MR-2222-BB")]
    found = Sweep()
    with superuser(server, dict(erased[0].database.parameters)["dbname"]) as connection:
        # Prompts are searched for the words of an erasure under way alone.
        connection.execute("UPDATE landing.erasure SET state = 'erased'")
        connection.cursor().executemany(
            "INSERT INTO landing.erasure_token SELECT erasure_id, %s, %s FROM landing.erasure",
            [(word.kind, word.text) for word in words],
        )
        sweep_tables(erased[0].database, words, found)
        connection.execute("DELETE FROM landing.erasure_token")
        connection.execute("UPDATE landing.erasure SET state = 'verified'")
    by_sentence = {"bronze.note", "omop.note", "retrieval.document_chunk", "inference.adjudication"}
    assert found.left.keys() >= by_sentence | {"bronze.person_identifier", "landing.hl7_message"}


def test_who_cannot_be_erased(built: Built) -> None:
    with pytest.raises(UnknownPersonError, match="no source names"):
        erase(built.settings, built.database, 4711, "data-subject-request", "test")
    message_key = query(built, "SELECT person_key FROM bronze.person WHERE source_system = 'hl7v2'")
    theirs = [key for (key,) in message_key if key not in (GONE, STAYS)]
    with pytest.raises(UnknownPersonError, match="erase that person"):
        erase(built.settings, built.database, theirs[0], "data-subject-request", "test")
    with pytest.raises(ErasureError, match="reason"):
        erase(built.settings, built.database, GONE, "she asked on the phone", "test")
    assert query(built, "SELECT count(*) FROM landing.erased_person") == [(0,)]


def test_the_sweep_finds_what_deletion_does_not_know(server: Database, built: Built) -> None:
    with superuser(server, dict(built.database.parameters)["dbname"]) as connection:
        connection.execute("CREATE TABLE bronze.forgotten AS SELECT 'Told by ZULEIKA QUARKENBUSH.' AS words")
        connection.execute("GRANT SELECT ON bronze.forgotten TO sanctum_ingest")
        connection.execute("CREATE TABLE bronze.closed (words text)")
        connection.execute("REVOKE ALL ON bronze.closed FROM sanctum_ingest, sanctum_transform")
    # A name that is no UTF-8 is searched and can be shown.
    stray = built.settings.home / "dbt" / os.fsdecode(b"stray\xff.log")
    stray.write_text(f"said: {NOTE}")
    place = f"dbt/stray\ufffd.log (inode {stray.stat().st_ino})"
    report = erase(built.settings, built.database, GONE, "data-subject-request", "test")
    assert (report.state, report.left) == ("erased", {"bronze.forgotten": 1, place: 1})
    assert not any(word in json.dumps(report.as_dict()).lower() for word in population.CANARIES)
    with superuser(server, dict(built.database.parameters)["dbname"]) as connection:
        connection.execute("DROP TABLE bronze.forgotten")
    stray.unlink()
    # Nothing is left as far as anybody may read, which is no proof.
    unread = erase(built.settings, built.database, GONE, "data-subject-request", "test")
    assert (unread.state, unread.left) == ("erased", {})
    assert set(unread.not_swept) - set(WITHOUT_TEXT) == {"bronze.closed"}
    with superuser(server, dict(built.database.parameters)["dbname"]) as connection:
        connection.execute("DROP TABLE bronze.closed")
    deep = population.hide_too_deep(built.settings.home, NOTE)
    unread = erase(built.settings, built.database, GONE, "data-subject-request", "test")
    assert (unread.state, unread.left, len(unread.not_read)) == ("erased", {}, 1)
    shutil.rmtree(deep)
    again = erase(built.settings, built.database, GONE, "data-subject-request", "test")
    assert (again.state, again.left) == ("verified", {})
    assert population.canaries_in_tables(population.rows_of_all_tables(server, built.database)) == {}


def test_what_a_household_shares_stays_with_the_others(server: Database, built: Built, tmp_path: Path) -> None:
    child = population._patient("child-0003", "2015-05-05", "MR-3333-CC", "Quarkenbush", "Yolanda")
    child |= {"address": population.HOME, "telecom": population.PHONE}
    source = tmp_path / "child.ndjson"
    source.write_bytes(json.dumps(child).encode() + b"\n")
    assert ingest_fhir(built.settings, built.database, [source]).loaded == {"Patient": 1}
    before = query(
        built, "SELECT * FROM bronze.person WHERE person_key = %s", resource_key("ehr", "Patient", "child-0003")
    )
    report = erase(built.settings, built.database, GONE, "data-subject-request", "test")
    assert (report.state, report.left) == ("verified", {})
    assert report.words_of_others == {"contact": 2, "lone name": 2, "street": 2}
    assert content(built, "fhir-ndjson", -1) == source.read_bytes()
    after = query(
        built, "SELECT * FROM bronze.person WHERE person_key = %s", resource_key("ehr", "Patient", "child-0003")
    )
    assert after == before


def test_a_table_the_eraser_may_not_delete_from_stops_the_erasure(server: Database, built: Built) -> None:
    with superuser(server, dict(built.database.parameters)["dbname"]) as connection:
        connection.execute("CREATE TABLE inference.new AS SELECT 1::bigint AS person_id")
    with pytest.raises(RuntimeError, match=r"lacks its rights on inference\.new"):
        erase(built.settings, built.database, GONE, "data-subject-request", "test")
    assert query(built, "SELECT count(*) FROM bronze.person WHERE person_key = %s", GONE) == [(1,)]


def test_the_eraser_reads_keys_and_no_content(built: Built) -> None:
    readable = {
        "person_id", "person_key", "hub_key", "bronze_key", "resource_key", "alias_key", "location_key", "location_id",
        "visit_key", "encounter_key", "visit_occurrence_id", "target_key", "chunk_id", "adjudication_id",
        "decided_at", "measure_id", "period_start", "period_end", "scope_id", "note_id",
            "fact_id_1", "fact_id_2",
    }  # fmt: skip
    columns = query(
        built,
        "SELECT table_schema, table_name, column_name, "
        "has_column_privilege('sanctum_eraser', format('%%I.%%I', table_schema, table_name), column_name, 'SELECT'), "
        "has_column_privilege('sanctum_eraser', format('%%I.%%I', table_schema, table_name), column_name, 'UPDATE'), "
        "has_column_privilege('sanctum_eraser', format('%%I.%%I', table_schema, table_name), column_name, 'INSERT') "
        "FROM information_schema.columns WHERE table_schema = ANY(%s)",
        ["bronze", "omop", "omop_intermediate", "features", "measures", "retrieval", "inference"],
        role=Role.TRANSFORM,
    )
    with built.database.connect(Role.OWNER) as connection:
        columns += connection.execute(
            "SELECT table_schema, table_name, column_name, "
            "has_column_privilege('sanctum_eraser', format('%I.%I', table_schema, table_name), column_name, 'SELECT'), "
            "has_column_privilege('sanctum_eraser', format('%I.%I', table_schema, table_name), column_name, 'UPDATE'), "
            "has_column_privilege('sanctum_eraser', format('%I.%I', table_schema, table_name), column_name, 'INSERT') "
            "FROM information_schema.columns WHERE table_schema IN ('retrieval', 'inference')"
        ).fetchall()
    assert len(columns) > 400
    for schema, table, column, reads, updates, inserts in columns:
        assert not reads or column in readable or column == f"{table}_key", (schema, table, column)
        assert not inserts, (schema, table, column)
        assert not updates or (schema, table, column) == ("bronze", "resource", "person_key")
    with built.database.connect(Role.ERASER) as connection:
        for text in (
            "SELECT note_text FROM omop.note",
            "SELECT body FROM landing.hl7_message",
            "SELECT prompt FROM inference.adjudication",
            "SELECT chunk_text FROM retrieval.document_chunk",
            "SELECT identifier_value FROM bronze.person_identifier",
            "SELECT token FROM landing.erasure_token",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(text.encode())
            connection.rollback()
