"""Asks the model about every open care gap and keeps its answers with what they rest on.

Belongs here: which gaps are asked, and writing decisions. Persons are claimed on record first; reading one person's
sentences is one audited transaction, storing an answer another; between them the model is asked, many gaps at a time.
An interrupted run loses one wave of answers at most.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby, islice
from typing import Any

import psycopg
from pgvector import HalfVector
from psycopg.rows import class_row

from inference.chat import ChatTemplate
from inference.encoder import Encoder
from inference.engine import (
    MAXIMUM_COMPLETION_TOKENS,
    MAXIMUM_MODEL_LENGTH,
    Completion,
    Engine,
    Request,
    VllmEngine,
)
from inference.models import ModelFiles, prepare_language_model
from inference.prompts import (
    MAXIMUM_SENTENCES,
    PROMPT_VERSION,
    QUESTIONS,
    Answer,
    Prompt,
    answer_schema,
    build_prompt,
    read_answer,
)
from inference.retrieval import nearest_sentences
from inference.statements import statement
from resources import locks
from resources.identity.session import AccessDeniedError, Session, open_service_session
from resources.postgres import Database
from resources.progress import Progress
from resources.settings import Settings

GAPS_PER_WAVE = 64
PERSONS_PER_CLAIM = 64
PERSONS_PER_PAGE = 500
_SERVICE = "adjudicator"


class CareGapsMissingError(RuntimeError):
    """``features.care_gap`` is not there: dbt has not built it."""


@dataclass(frozen=True)
class AdjudicationReport:
    """What a run found and did.

    Attributes:
        gaps_open: open gaps of measures there is a question for.
        gaps_without_documents: of these, gaps whose person has no sentence in the measure's time span.
        asked: model calls.
        outdated: of these, calls whose gap or sentences changed meanwhile: on record, but the answer is not kept.
        reused: gaps whose prompt this model has answered before.
        decisions: gaps by the decision on record, new and reused.
        prompt_tokens: tokens of the new calls' prompts.
        completion_tokens: tokens of the new calls' completions.
        seconds: wall-clock time of the run.
    """

    gaps_open: int
    gaps_without_documents: int
    asked: int
    outdated: int
    reused: int
    decisions: dict[str, int]
    prompt_tokens: int
    completion_tokens: int
    seconds: float


@dataclass(frozen=True)
class _Gap:
    person_id: int
    measure_id: str
    period_start: date
    period_end: date
    as_of: date


@dataclass(frozen=True)
class _Asked:
    gap: _Gap
    prompt: Prompt

    @property
    def key(self) -> dict[str, Any]:
        return {
            "person_id": self.gap.person_id,
            "measure_id": self.gap.measure_id,
            "period_start": self.gap.period_start,
            "period_end": self.gap.period_end,
            "prompt_sha256": self.prompt.sha256,
        }


@dataclass
class _Run:
    encoder: Encoder
    model: ModelFiles
    template: ChatTemplate
    start_engine: Callable[[], Engine]
    engine: Engine | None = None
    counts: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    queries: dict[str, list[HalfVector]] = field(default_factory=dict)

    def query_vectors(self, measure_id: str) -> list[HalfVector]:
        if measure_id not in self.queries:
            self.queries[measure_id] = self.encoder.encode(QUESTIONS[measure_id].queries)
        return self.queries[measure_id]

    def running_engine(self) -> Engine:
        if self.engine is None:
            self.engine = self.start_engine()
        return self.engine

    def ask(self, asked: Sequence[_Asked]) -> list[Completion]:
        return self.running_engine().complete(
            [Request(one.prompt.text, answer_schema(list(one.prompt.sentences))) for one in asked]
        )


def adjudicate(
    settings: Settings,
    database: Database,
    progress: Progress | None = None,
    limit: int | None = None,
    engine: Engine | None = None,
) -> AdjudicationReport:
    """Ask the model about every open gap that it has not answered yet on the same sentences.

    Where every gap is answered, no engine is started. Runs wait for each other.

    Args:
        settings: the models.
        database: the warehouse; read and written as service ``adjudicator``, one person at a time.
        progress: called with ("adjudicate", gaps done, open gaps).
        limit: at most so many model calls.
        engine: a running engine of the settings' language model; default: one is started when needed.

    Raises:
        CareGapsMissingError: ``features.care_gap`` was not built yet.
        inference.models.ModelError: a model is missing or altered.
        inference.engine.EngineError: the engine failed; the waves before stay committed.
        resources.postgres.DatabaseUnavailableError: the database refused, or an audit event could not be written.
    """
    started = time.monotonic()
    model = prepare_language_model(settings)
    run = _Run(
        Encoder(settings),
        model,
        ChatTemplate(model),
        start_engine=lambda: VllmEngine(settings, model),
        engine=engine,
    )
    with open_service_session(settings, database, _SERVICE) as session:
        gaps = _open_gaps(session)
        pending = _pending(session, run, gaps)
        if limit is not None:
            pending = islice(pending, limit)
        while wave := list(islice(pending, GAPS_PER_WAVE)):
            for asked, completion in zip(wave, run.ask(wave), strict=True):
                _store(session, run, asked, completion)
            if progress:
                progress("adjudicate", run.counts["seen"], len(gaps))
        if progress:
            progress("adjudicate", len(gaps), len(gaps))
    return AdjudicationReport(
        gaps_open=len(gaps),
        gaps_without_documents=run.counts["without_documents"],
        asked=run.counts["asked"],
        outdated=run.counts["outdated"],
        reused=run.counts["reused"],
        decisions=dict(sorted(run.decisions.items())),
        prompt_tokens=run.counts["prompt_tokens"],
        completion_tokens=run.counts["completion_tokens"],
        seconds=round(time.monotonic() - started, 3),
    )


def _open_gaps(session: Session) -> list[_Gap]:
    connection = session.connection
    if connection.execute("SELECT to_regclass('features.care_gap')").fetchone() == (None,):
        raise CareGapsMissingError("features.care_gap is not there: run 'sanctum build' first.")
    # Held by the session, not a transaction: PostgreSQL drops it when this process dies.
    locks.hold(connection, locks.ADJUDICATION)
    gaps: list[_Gap] = []
    while True:
        page = _next_gaps(session, gaps[-1].person_id if gaps else -1)
        gaps += page
        if len({gap.person_id for gap in page}) < PERSONS_PER_PAGE:
            return gaps


def _next_gaps(session: Session, after: int) -> list[_Gap]:
    """Gaps of the next persons, in a transaction of their own: one chain of the audit log is held that long."""
    session.enter()
    with session.connection.cursor(row_factory=class_row(_Gap)) as cursor:
        wanted = {"measures": sorted(QUESTIONS), "after": after, "persons": PERSONS_PER_PAGE}
        gaps = cursor.execute(statement("open_gaps"), wanted).fetchall()
    session.record_each(action="read", object_kind="features.care_gap", rows=Counter(gap.person_id for gap in gaps))
    session.connection.commit()
    return gaps


def _pending(session: Session, run: _Run, gaps: Sequence[_Gap]) -> Iterator[_Asked]:
    """Gaps to ask about, each with its prompt; what one person's gaps need is read in one transaction."""
    people = groupby(gaps, key=lambda gap: gap.person_id)
    while together := [(person_id, list(found)) for person_id, found in islice(people, PERSONS_PER_CLAIM)]:
        wanted = {person_id for person_id, _ in together}
        if session.claim(wanted) != wanted:
            raise AccessDeniedError(f"service {_SERVICE} may not see a person whose care gaps it sees; run it again.")
        for person_id, of_person in together:
            yield from _of_person(session, run, person_id, of_person)


def _of_person(session: Session, run: _Run, person_id: int, gaps: Sequence[_Gap]) -> list[_Asked]:
    session.enter(person_id)
    run.counts["seen"] += len(gaps)
    prepared = [_prepare(session, run, gap) for gap in gaps]
    session.connection.commit()
    return [asked for asked in prepared if asked is not None]


def _prepare(session: Session, run: _Run, gap: _Gap) -> _Asked | None:
    question = QUESTIONS[gap.measure_id]
    hits = nearest_sentences(
        session,
        run.encoder,
        gap.person_id,
        run.query_vectors(gap.measure_id),
        limit=MAXIMUM_SENTENCES,
        from_date=date(gap.period_start.year - question.lookback_years, gap.period_start.month, 1),
        to_date=gap.as_of,
    )
    if not hits:
        run.counts["without_documents"] += 1
        return None
    tokens = MAXIMUM_MODEL_LENGTH - MAXIMUM_COMPLETION_TOKENS
    asked = _Asked(gap, build_prompt(question, gap.period_start, gap.period_end, hits, run.template, tokens))
    key = {**asked.key, "model_sha256": run.model.sha256}
    known = session.connection.execute(statement("known_decision"), key).fetchone()
    if known is None or known[0] is None:
        return asked
    run.counts["reused"] += 1
    run.decisions[known[0]] += 1
    return None


def _store(session: Session, run: _Run, asked: _Asked, completion: Completion) -> None:
    """Keep one answer, every sentence it could have cited, and the audit event, in one transaction."""
    answer = read_answer(completion.text, list(asked.prompt.sentences))
    session.enter(asked.gap.person_id)
    session.connection.execute(
        "INSERT INTO inference.model (model_sha256, model_name, engine) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (run.model.sha256, run.model.name, run.running_engine().description),
    )
    adjudication_id = _insert(session, run, asked, answer, completion)
    _audit_call(session, run, asked, adjudication_id, answer, completion)
    session.connection.commit()
    run.counts.update(asked=1, prompt_tokens=completion.prompt_tokens, completion_tokens=completion.completion_tokens)
    if adjudication_id is None:
        run.counts["outdated"] += 1
    else:
        run.decisions[answer.decision] += 1


def _insert(session: Session, run: _Run, asked: _Asked, answer: Answer, completion: Completion) -> int | None:
    """Keep an answer and its evidence; None, and nothing kept, if the gap or a sentence changed meanwhile."""
    row = {
        **asked.key,
        "prompt": asked.prompt.text,
        "prompt_version": PROMPT_VERSION,
        "model_sha256": run.model.sha256,
        "completion": completion.text,
        "decision": answer.decision,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "latency_ms": completion.latency_ms,
    }
    try:
        with session.connection.transaction(), session.connection.cursor() as cursor:
            inserted = cursor.execute(statement("insert_adjudication"), row).fetchone()
            if inserted is None:
                return None
            cursor.executemany(statement("insert_evidence"), _evidence_rows(inserted[0], asked, answer))
            return int(inserted[0])
    except psycopg.errors.IntegrityConstraintViolation:
        return None


def _evidence_rows(adjudication_id: int, asked: _Asked, answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "adjudication_id": adjudication_id,
            "person_id": asked.gap.person_id,
            "sentence_id": sentence_id,
            "chunk_id": hit.chunk_id,
            "note_id": hit.note_id,
            "chunk_text_sha256": hit.text_sha256,
            "cited": sentence_id in answer.cited,
        }
        for sentence_id, hit in asked.prompt.sentences.items()
    ]


def _audit_call(
    session: Session,
    run: _Run,
    asked: _Asked,
    adjudication_id: int | None,
    answer: Answer,
    completion: Completion,
) -> None:
    session.record(
        action="model-call",
        object_kind="inference.adjudication",
        person_id=asked.gap.person_id,
        object_ids=[] if adjudication_id is None else [adjudication_id],
        row_count=len(asked.prompt.sentences),
        details={
            "measure_id": asked.gap.measure_id,
            "prompt_sha256": asked.prompt.sha256,
            "prompt_version": PROMPT_VERSION,
            "model_sha256": run.model.sha256,
            "decision": "outdated" if adjudication_id is None else answer.decision,
            "cited": len(answer.cited),
            "prompt_tokens": completion.prompt_tokens,
            "completion_tokens": completion.completion_tokens,
        },
    )
