"""Measures held against published decks of test patients with their expected populations.

Belongs here: reading decks, loading them into a home of their own, comparing. Does not belong here: the measures' logic
(dbt_project).
"""

from pipelines.measures.deck import Case, Deck, DeckError, read_decks
from pipelines.measures.scoring import SELECT, DeckScore, Disagreement, load_decks, score_decks, value_sets_beside

__all__ = [
    "SELECT",
    "Case",
    "Deck",
    "DeckError",
    "DeckScore",
    "Disagreement",
    "load_decks",
    "read_decks",
    "score_decks",
    "value_sets_beside",
]
