"""Cases of our own for the measures: what the official decks do not test, each on a person of its own.

Codes are the short names of the value sets themselves (``cases.SYSTEM``), so that a case reads like the logic and holds
no licensed code.
"""
