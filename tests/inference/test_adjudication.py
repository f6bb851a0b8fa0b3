from collections.abc import Callable, Sequence

import pytest
from psycopg import errors, sql

from inference.adjudication import AdjudicationReport, CareGapsMissingError, adjudicate
from inference.embedding import embed_notes
from inference.engine import Completion, Engine, EngineError, Request, VllmEngine
from inference.models import ModelFiles
from resources.identity.session import open_session
from resources.postgres import DatabaseUnavailableError, Role
from tests.identities import identity
from tests.inference.conftest import MakeWarehouse, Warehouse

pytestmark = [pytest.mark.model, pytest.mark.slow]


@pytest.fixture
def gaps(make_warehouse: MakeWarehouse, language_model: ModelFiles) -> Warehouse:
    """Three persons with open gaps, one of them without notes; one closed gap."""
    warehouse = make_warehouse(language_model_path=language_model.path)
    warehouse.add_note(1, 10, "She had a colonoscopy in 2021 at an outside hospital. Lives with her dog.")
    warehouse.add_note(2, 11, "Blood pressure at home was 128/76 this week. Takes lisinopril.")
    for person_id, measure_id in ((10, "CMS130"), (11, "CMS165"), (11, "CMS122"), (12, "CMS130")):
        warehouse.add_gap(person_id, measure_id)
    warehouse.add_gap(10, "CMS165", status="closed")
    embed_notes(warehouse.settings, warehouse.database)
    return warehouse


class Interrupted:
    """An engine that answers its first requests and then fails."""

    def __init__(self, engine: VllmEngine, answers: int) -> None:
        self.engine, self.answers = engine, answers
        self.description = engine.description

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        if self.answers <= 0:
            raise EngineError("out of answers")
        self.answers -= len(requests)
        return self.engine.complete(requests)


def run(warehouse: Warehouse, engine: Engine) -> AdjudicationReport:
    return adjudicate(warehouse.settings, warehouse.database, engine=engine)


def stored(warehouse: Warehouse) -> list[tuple]:
    return warehouse.rows(
        "SELECT person_id, measure_id, decision, completion, sentence_id, cited, chunk_text "
        "FROM inference.adjudication JOIN inference.adjudication_evidence USING (adjudication_id, person_id) "
        "JOIN retrieval.document_chunk USING (chunk_id, person_id) ORDER BY person_id, measure_id, sentence_id"
    )


def test_every_open_gap_with_documents_gets_an_answer_with_its_evidence(
    gaps: Warehouse, language_engine: VllmEngine
) -> None:
    report = run(gaps, language_engine)
    assert (report.gaps_open, report.gaps_without_documents, report.asked, report.reused) == (4, 1, 3, 0)
    assert sum(report.decisions.values()) == 3
    rows = stored(gaps)
    assert {row[:2] for row in rows} == {(10, "CMS130"), (11, "CMS122"), (11, "CMS165")}
    assert {row[6] for row in rows if row[0] == 10} == {
        "She had a colonoscopy in 2021 at an outside hospital.",
        "Lives with her dog.",
    }
    for _, _, decision, completion, sentence_id, cited, _ in rows:
        assert cited == (f'"{sentence_id}"' in completion)
        assert decision in completion
    assert gaps.rows(
        "SELECT bool_and(encode(sha256(convert_to(prompt, 'UTF8')), 'hex') = prompt_sha256), sum(prompt_tokens), "
        "sum(completion_tokens), bool_and(latency_ms > 0) FROM inference.adjudication"
    ) == [(True, report.prompt_tokens, report.completion_tokens, True)]


def test_second_run_asks_nothing_and_starts_no_engine(
    gaps: Warehouse, language_engine: VllmEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(gaps, language_engine)

    def refuse(*_: object) -> VllmEngine:
        raise AssertionError("an engine was started")

    monkeypatch.setattr("inference.adjudication.VllmEngine", refuse)
    second = adjudicate(gaps.settings, gaps.database)
    assert (second.asked, second.reused, second.prompt_tokens) == (0, 3, 0)
    assert second.decisions == first.decisions


def test_new_sentence_asks_its_gap_again_and_keeps_the_former_answer(
    gaps: Warehouse, language_engine: VllmEngine
) -> None:
    run(gaps, language_engine)
    gaps.add_note(3, 10, "Stool DNA test was negative.")
    embed_notes(gaps.settings, gaps.database)
    report = run(gaps, language_engine)
    assert (report.asked, report.reused) == (1, 2)
    assert gaps.rows("SELECT count(*) FROM inference.adjudication WHERE person_id = 10") == [(2,)]


def test_interrupted_run_is_completed_by_the_next_with_the_same_result(
    gaps: Warehouse, language_engine: VllmEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.adjudication.GAPS_PER_WAVE", 1)
    with pytest.raises(EngineError):
        run(gaps, Interrupted(language_engine, 2))
    assert gaps.rows("SELECT count(*) FROM inference.adjudication") == [(2,)]
    report = run(gaps, language_engine)
    assert (report.asked, report.reused) == (1, 2)
    after = stored(gaps)
    with gaps.superuser() as connection:
        connection.execute("TRUNCATE inference.adjudication CASCADE")
    monkeypatch.setattr("inference.adjudication.GAPS_PER_WAVE", 64)
    run(gaps, language_engine)
    assert stored(gaps) == after


def test_limit_bounds_model_calls(gaps: Warehouse, language_engine: VllmEngine) -> None:
    assert adjudicate(gaps.settings, gaps.database, limit=1, engine=language_engine).asked == 1
    assert adjudicate(gaps.settings, gaps.database, limit=1, engine=language_engine).asked == 1


def test_reads_and_calls_are_audited_without_content(gaps: Warehouse, language_engine: VllmEngine) -> None:
    run(gaps, language_engine)
    events = gaps.rows(
        "SELECT action, object_kind, person_id, row_count, details->>'prompt_sha256' IS NOT NULL, details::text "
        "FROM audit.event WHERE subject = 'service:adjudicator' AND action NOT IN ('open', 'claim') ORDER BY 1, 2, 3"
    )
    assert [(*event[:3], event[4]) for event in events] == [
        ("model-call", "inference.adjudication", 10, True),
        ("model-call", "inference.adjudication", 11, True),
        ("model-call", "inference.adjudication", 11, True),
        ("read", "features.care_gap", 10, False),
        ("read", "features.care_gap", 11, False),
        ("read", "features.care_gap", 12, False),
        ("read", "retrieval.document_chunk", 10, False),
        ("read", "retrieval.document_chunk", 11, False),
        ("read", "retrieval.document_chunk", 11, False),
        ("read", "retrieval.document_chunk", 12, False),
    ]
    assert [event[3] for event in events if event[1] == "features.care_gap"] == [1, 2, 1]
    assert not any(word in str(events) for word in ("colonoscopy", "128/76"))


def test_answer_that_cannot_be_audited_is_not_kept(gaps: Warehouse, language_engine: VllmEngine) -> None:
    with gaps.superuser() as connection:
        connection.execute(
            "CREATE FUNCTION audit.refuse_calls() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN IF NEW.action = 'model-call' THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$;"
            "CREATE TRIGGER refuse_calls BEFORE INSERT ON audit.event "
            "FOR EACH ROW EXECUTE FUNCTION audit.refuse_calls()"
        )
    with pytest.raises(DatabaseUnavailableError):
        run(gaps, language_engine)
    assert gaps.rows("SELECT count(*) FROM inference.adjudication") == [(0,)]


@pytest.mark.parametrize("role", [Role.INFER, Role.REVIEWER])
def test_answers_are_seen_under_a_claim_only(gaps: Warehouse, language_engine: VllmEngine, role: Role) -> None:
    run(gaps, language_engine)
    with open_session(gaps.settings, gaps.database, identity(role, everyone=True)) as session:
        session.claim([10])
        for table in ("adjudication", "adjudication_evidence"):
            query = sql.SQL("SELECT DISTINCT person_id FROM {}").format(sql.Identifier("inference", table))
            assert session.connection.execute(query).fetchall() == []
            session.enter()
            assert session.connection.execute(query).fetchall() == []
            session.enter(10)
            assert session.connection.execute(query).fetchall() == [(10,)]
            session.connection.rollback()


def test_labels_reach_prompt_and_answer_whenever_they_come(gaps: Warehouse, language_engine: VllmEngine) -> None:
    """One note is labelled before it is read, with consent; another after the model has answered."""
    with gaps.superuser() as connection:
        connection.execute(
            "INSERT INTO access.consent (person_id, code, decision, starts_on, origin) "
            "VALUES (10, '42CFRPart2', 'permit', '2020-01-01', 'recorded')"
        )
    notes = gaps.rows("SELECT DISTINCT ON (person_id) person_id, note_id FROM omop.note ORDER BY 1, 2")
    note_of = dict(notes)
    gaps.label(note_of[10], 10, "42CFRPart2")
    embed_notes(gaps.settings, gaps.database)
    run(gaps, language_engine)
    labels = "SELECT DISTINCT person_id, sensitivity FROM inference.adjudication WHERE sensitivity <> '{}' ORDER BY 1"
    assert gaps.rows(labels) == [(10, ["42CFRPart2"])]
    gaps.label(note_of[11], 11, "HIV")
    assert gaps.rows("SELECT DISTINCT sensitivity FROM retrieval.document_chunk WHERE person_id = 11") == [(["HIV"],)]
    assert gaps.rows(labels) == [(10, ["42CFRPart2"]), (11, ["HIV"])]
    assert gaps.rows("SELECT inference.unlabelled_adjudications()") == [(0,)]

    def seen(person: int, *sensitivities: str) -> int:
        who = identity(everyone=True, sensitivities=sensitivities)
        with open_session(gaps.settings, gaps.database, who) as session:
            session.claim([person])
            session.enter(person)
            return len(session.connection.execute("SELECT 1 FROM inference.adjudication").fetchall())

    assert (seen(10), seen(11)) == (0, 0)
    assert (seen(10, "42CFRPart2") > 0, seen(11, "HIV") > 0) == (True, True)


def test_a_note_that_is_cut_anew_and_then_labelled_labels_what_was_asked_of_it(
    gaps: Warehouse, language_engine: VllmEngine
) -> None:
    run(gaps, language_engine)
    gaps.transform("DELETE FROM omop.note WHERE person_id = 10")
    embed_notes(gaps.settings, gaps.database)
    assert gaps.rows("SELECT count(*) FROM retrieval.document_chunk WHERE person_id = 10") == [(0,)]
    gaps.label(1, 10, "PSYTHPN")
    for table in ("adjudication", "adjudication_evidence"):
        found = gaps.rows(f"SELECT DISTINCT sensitivity FROM inference.{table} WHERE person_id = 10")
        assert found == [(["PSYTHPN"],)], table


def test_a_label_taken_back_asks_nothing_anew(gaps: Warehouse, language_engine: VllmEngine) -> None:
    assert run(gaps, language_engine).asked == 3
    gaps.label(1, 10, "HIV")
    gaps.label(1, 10)
    embed_notes(gaps.settings, gaps.database)
    again = run(gaps, language_engine)
    assert (again.asked, again.reused) == (0, 3)


def test_a_gap_that_is_labelled_later_labels_what_was_answered(gaps: Warehouse, language_engine: VllmEngine) -> None:
    run(gaps, language_engine)
    gaps.transform("SELECT inference.label_answers(10, 'CMS130', '2025-01-01', '{HIV}')")
    labelled = "SELECT person_id, measure_id FROM inference.adjudication WHERE sensitivity = '{HIV}'"
    assert gaps.rows(labelled) == [(10, "CMS130")]


class Meanwhile:
    """An engine while whose answers something else happens to the warehouse."""

    def __init__(self, engine: VllmEngine, happens: Callable[[], None]) -> None:
        self.engine, self.happens = engine, happens
        self.description = engine.description

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        self.happens()
        return self.engine.complete(requests)


def test_answers_about_what_changed_meanwhile_are_on_record_and_not_kept(
    gaps: Warehouse, language_engine: VllmEngine
) -> None:
    def happens() -> None:
        gaps.label(1, 10, "PSYTHPN")
        gaps.transform("DELETE FROM features.care_gap WHERE person_id = 11 AND measure_id = 'CMS165'")

    report = run(gaps, Meanwhile(language_engine, happens))
    assert (report.asked, report.outdated, sum(report.decisions.values())) == (3, 2, 1)
    calls = "SELECT person_id, details ->> 'decision' = 'outdated' FROM audit.event WHERE action = 'model-call'"
    assert sorted(gaps.rows(calls)) == [(10, True), (11, False), (11, True)]
    assert gaps.rows("SELECT person_id, measure_id FROM inference.adjudication") == [(11, "CMS122")]


def test_evidence_is_a_sentence_of_its_own_person(gaps: Warehouse, language_engine: VllmEngine) -> None:
    run(gaps, language_engine)
    columns = "adjudication_id, person_id, sentence_id, chunk_id, note_id, chunk_text_sha256, cited"
    foreign = (
        f"INSERT INTO inference.adjudication_evidence ({columns}) "
        "SELECT a.adjudication_id, a.person_id, 'S99', c.chunk_id, c.note_id, c.text_sha256, true "
        "FROM inference.adjudication AS a JOIN retrieval.document_chunk AS c ON c.person_id <> a.person_id LIMIT 1"
    )
    with gaps.superuser() as connection, pytest.raises(errors.IntegrityConstraintViolation):
        connection.execute(foreign)


def test_a_labelled_note_without_consent_is_in_no_prompt(gaps: Warehouse, language_engine: VllmEngine) -> None:
    for person, note in gaps.rows("SELECT person_id, note_id FROM omop.note WHERE person_id = 10"):
        gaps.label(note, person, "42CFRPart2")
    embed_notes(gaps.settings, gaps.database)
    run(gaps, language_engine)
    assert gaps.rows("SELECT count(*) FROM inference.adjudication WHERE person_id = 10") == [(0,)]


def test_without_care_gaps_table_it_says_what_to_do(make_warehouse: MakeWarehouse, language_model: ModelFiles) -> None:
    warehouse = make_warehouse(language_model_path=language_model.path)
    warehouse.transform("DROP TABLE features.care_gap")
    with pytest.raises(CareGapsMissingError, match="sanctum build"):
        adjudicate(warehouse.settings, warehouse.database)
