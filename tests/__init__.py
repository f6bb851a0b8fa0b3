"""Tests mirror the rooms; end_to_end drives the command line."""
