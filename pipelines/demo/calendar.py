"""The demo's fixed dates, so that the same seed gives the same bytes on any day."""

from datetime import date

SIMULATION_END = date(2026, 9, 30)
"""Last day of clinosim's simulation; the clinic's own visits and the HL7 v2 feed may follow it."""

AS_OF = date(2026, 10, 31)
"""Day on which the demo's questions are asked."""

PERIOD_START = date(2026, 1, 1)
PERIOD_END = date(2026, 12, 31)
"""Measurement period of the care-gap measures: the calendar year of ``AS_OF``."""

LAST_VISIT = date(2026, 10, 29)
"""Last day on which the generator lets anything happen."""
