"""Refreshing the persons concerned, against a build of everybody."""
