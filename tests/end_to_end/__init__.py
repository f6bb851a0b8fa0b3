"""The chain as a user runs it: whole, broken in the middle, on bad input and on a full disk."""
