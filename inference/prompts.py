"""The question asked about each measure, and the prompt made of it and a person's sentences.

Belongs here: every word a model is told, versioned. Does not belong here: the database and the engine. A prompt holds
the measurement period and the sentences, nothing else of the person: no name, no number, no date of birth.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from inference.chat import ChatTemplate, Message
from inference.retrieval import Hit

PROMPT_VERSION = "care-gap-1"
"""Changes with any change of the wording, of how sentences are chosen, or of the answer's form."""

MAXIMUM_SENTENCES = 8
MAXIMUM_CITED = 3

Decision = Literal["closes_gap", "does_not_close_gap", "insufficient_evidence"]


@dataclass(frozen=True)
class Question:
    """What is asked about one measure.

    Attributes:
        measure_id: the CMS number without its version.
        text: what closes the gap, as the measure's numerator has it; ``{start}`` and ``{end}`` are the period.
        queries: texts whose nearest sentences are shown.
        lookback_years: how far before the period's start a note may lie.
    """

    measure_id: str
    text: str
    queries: tuple[str, ...]
    lookback_years: int


# Numerators of the 2025 eCQMs. CMS122 is inverse: its gap is poor control, so good control closes it.
QUESTIONS: Mapping[str, Question] = {
    question.measure_id: question
    for question in (
        Question(
            "CMS122",
            "Gap: no controlled HbA1c (hemoglobin A1c or glucose management indicator) is on record from {start} to "
            "{end}. It closes if a sentence states an HbA1c result of 9.0 % or less measured from {start} to {end}.",
            (
                "The hemoglobin A1c result was 7.2 percent.",
                "HbA1c was measured at an outside laboratory.",
                "Glucose management indicator from continuous glucose monitoring.",
            ),
            0,
        ),
        Question(
            "CMS130",
            "Gap: no colorectal cancer screening is on record. It closes if a sentence states that the patient had a "
            "colonoscopy within 9 years before {start} or until {end}, a flexible sigmoidoscopy or CT colonography "
            "within 4 years, a stool DNA test (Cologuard) within 2 years, or a fecal occult blood test (FIT) from "
            "{start} to {end}.",
            (
                "The patient had a colonoscopy at an outside hospital.",
                "Stool DNA test, Cologuard, FIT or fecal occult blood test was negative.",
                "Flexible sigmoidoscopy or CT colonography was performed.",
            ),
            9,
        ),
        Question(
            "CMS165",
            "Gap: blood pressure under control is not on record from {start} to {end}. It closes if the newest blood "
            "pressure that a sentence states from {start} to {end} is below 140 systolic and below 90 diastolic.",
            (
                "Blood pressure today was 128/76 mmHg.",
                "Home blood pressure readings are below 140 over 90.",
                "Hypertension is well controlled.",
            ),
            0,
        ),
    )
}

_INSTRUCTION = (
    "You review sentences of clinical notes for a quality measure. Answer in JSON with a decision and the ids of the "
    "sentences that prove it. Decisions: closes_gap (a sentence proves it), does_not_close_gap (sentences are about it "
    "and show that it is not met), insufficient_evidence (no sentence is about it)."
)


@dataclass(frozen=True)
class Prompt:
    """A prompt as the model gets it, and the sentences it may cite by id."""

    text: str
    sentences: Mapping[str, Hit]

    @property
    def sha256(self) -> str:
        """SHA-256 of the prompt's text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Answer:
    """A decision and the cited sentence ids, in order, each once."""

    decision: Decision
    cited: tuple[str, ...]


class _AnswerForm(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    decision: Decision
    evidence: list[str]


class UnusableAnswerError(ValueError):
    """A completion is not what the schema demands; the text never carries the completion."""


def build_prompt(
    question: Question,
    period_start: date,
    period_end: date,
    hits: Sequence[Hit],
    template: ChatTemplate,
    maximum_tokens: int,
) -> Prompt:
    """The prompt for one gap: the instruction and question first, which prompts share, then the sentences.

    Args:
        question: the measure's.
        period_start: first day of the measurement period.
        period_end: its last day.
        hits: sentences, nearest first; labelled S1, S2, … newest note first.
        template: the model's chat template.
        maximum_tokens: where the prompt is longer, the sentences farthest from the question are left out.

    Raises:
        ValueError: not even one sentence fits.
    """
    for number in range(len(hits), 0, -1):
        prompt = _with_sentences(question, period_start, period_end, hits[:number], template)
        if template.count_tokens(prompt.text) <= maximum_tokens:
            return prompt
    raise ValueError(f"no sentence fits a prompt of {maximum_tokens} tokens")


def _with_sentences(
    question: Question, period_start: date, period_end: date, hits: Sequence[Hit], template: ChatTemplate
) -> Prompt:
    ordered = sorted(hits, key=lambda hit: (-hit.note_date.toordinal(), hit.chunk_id))
    sentences = {f"S{number}": hit for number, hit in enumerate(ordered, start=1)}
    lines = [f"{key} ({hit.note_date.isoformat()}): {_one_line(hit.sentence)}" for key, hit in sentences.items()]
    asked = question.text.format(start=period_start.isoformat(), end=period_end.isoformat())
    messages: list[Message] = [
        {"role": "system", "content": _INSTRUCTION},
        {"role": "user", "content": "\n".join([asked, "Sentences (date of the note):", *lines])},
    ]
    return Prompt(template.render(messages), sentences)


def answer_schema(sentence_ids: Sequence[str]) -> dict[str, object]:
    """JSON schema of an answer: evidence only out of the prompt's ids, and some wherever a decision rests on it."""

    def form(decision: Decision, minimum: int, maximum: int) -> dict[str, object]:
        evidence = {"type": "array", "items": {"enum": list(sentence_ids)}, "minItems": minimum, "maxItems": maximum}
        return {
            "type": "object",
            "properties": {"decision": {"const": decision}, "evidence": evidence},
            "required": ["decision", "evidence"],
            "additionalProperties": False,
        }

    most = min(MAXIMUM_CITED, len(sentence_ids))
    return {
        "anyOf": [
            form("closes_gap", 1, most),
            form("does_not_close_gap", 1, most),
            form("insufficient_evidence", 0, 0),
        ]
    }


def read_answer(completion: str, sentence_ids: Sequence[str]) -> Answer:
    """Check a completion against what ``answer_schema`` allows; an id cited twice counts once.

    Raises:
        UnusableAnswerError: it is not JSON of that form, or cites an id that was not in the prompt.
    """
    try:
        form = _AnswerForm.model_validate_json(completion)
    except ValidationError as error:
        kinds = ", ".join(sorted({problem["type"] for problem in error.errors()}))
        raise UnusableAnswerError(f"the completion is not an answer: {kinds}") from None
    cited = tuple(dict.fromkeys(form.evidence))
    if not set(cited) <= set(sentence_ids):
        raise UnusableAnswerError("the completion cites a sentence that was not in the prompt")
    if (form.decision == "insufficient_evidence") == bool(cited):
        raise UnusableAnswerError(f"the completion decides {form.decision} with {len(cited)} sentences cited")
    return Answer(form.decision, cited)


def _one_line(sentence: str) -> str:
    # A note must not be able to end its turn and speak as someone else: template markers are taken apart.
    return re.sub(r"\s+", " ", sentence).replace("<|", "< |").replace("|>", "| >")
