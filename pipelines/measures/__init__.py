"""Measures held against published decks of test patients with their expected populations.

Belongs here: reading decks, loading them into a home of their own, comparing. Does not belong here: the measures' logic
(dbt_project).
"""

from pipelines.measures.deck import Case, Deck, DeckError, read_decks
from pipelines.measures.scoring import (
    EACH_PATIENT_A_PERSON,
    SELECT,
    DeckScore,
    Disagreement,
    Judgement,
    judge,
    load_decks,
    score_decks,
    value_sets_beside,
)

__all__ = [
    "EACH_PATIENT_A_PERSON",
    "SELECT",
    "Case",
    "Deck",
    "DeckError",
    "DeckScore",
    "Disagreement",
    "Judgement",
    "judge",
    "load_decks",
    "read_decks",
    "score_decks",
    "value_sets_beside",
]
