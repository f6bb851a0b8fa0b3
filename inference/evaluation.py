"""How right the decisions are where the truth is known.

Belongs here: comparing stored decisions with what they should be. Does not belong here: where the truth comes from; no
step that decides may read it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from inference.statements import statement
from resources.identity.session import open_service_session
from resources.postgres import Database
from resources.settings import Settings


@dataclass(frozen=True)
class Expectation:
    """What is true of one person and measure, and the sentence of a note that shows it."""

    person_id: int
    measure_id: str
    closes_gap: bool
    sentence: str

    @property
    def sentence_sha256(self) -> str:
        """SHA-256 of the sentence, as ``retrieval.document_chunk`` has it."""
        return hashlib.sha256(self.sentence.encode()).hexdigest()


@dataclass(frozen=True)
class Evaluation:
    """Counts over expectations.

    Attributes:
        expected: expectations.
        decided: those a model was asked about.
        sentence_shown: of those, how often retrieval put the sentence into the prompt.
        sentence_cited: how often the answer cites it.
        decision_right: how often the decision is ``closes_gap`` exactly where it should be.
    """

    expected: int
    decided: int
    sentence_shown: int
    sentence_cited: int
    decision_right: int


def evaluate(settings: Settings, database: Database, expectations: Sequence[Expectation]) -> Evaluation:
    """Compare each person's newest decision about a measure with the truth, as service ``evaluator``.

    Each read is audited.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused, or an audit event could not be written.
    """
    decided = shown = cited = right = 0
    with open_service_session(settings, database, "evaluator") as session:
        granted = session.claim({expectation.person_id for expectation in expectations})
        for expectation in expectations:
            if expectation.person_id not in granted:
                continue
            session.enter(expectation.person_id)
            row = session.connection.execute(
                statement("decision_and_evidence"),
                {
                    "person_id": expectation.person_id,
                    "measure_id": expectation.measure_id,
                    "sentence_sha256": expectation.sentence_sha256,
                },
            ).fetchone()
            session.record(
                action="read",
                object_kind="inference.adjudication",
                person_id=expectation.person_id,
                object_ids=[row[0]] if row else [],
                row_count=1 if row else 0,
            )
            session.connection.commit()
            if row:
                _, decision, was_shown, was_cited = row
                decided += 1
                shown += was_shown
                cited += was_cited
                right += (decision == "closes_gap") is expectation.closes_gap
    return Evaluation(len(expectations), decided, shown, cited, right)
