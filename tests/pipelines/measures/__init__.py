"""Decks of test patients, made here and scored."""
