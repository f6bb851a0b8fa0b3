"""Downloads made here: what is written, what is refused, what a release changes."""
