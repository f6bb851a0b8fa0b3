"""Wiring: Dagster's definitions and the command line, two fronts on the functions of the other rooms.

Belongs here: assets, checks, jobs, schedules, sensors, definitions, commands. Does not belong here: work. An asset
or a command calls one function of ``pipelines``, ``inference`` or ``resources`` and reports what it returned.
"""

import resources as resources
