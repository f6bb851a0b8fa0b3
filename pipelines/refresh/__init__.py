"""Building omop, measures and features of the persons alone of whom bronze changed, with the SQL of the dbt project.

A refresh reads what concerns these persons at one moment, runs every model over it beside the tables, runs the
project's tests over the result, and takes it over in one transaction: a reader sees a person's record as it was or as
it is, never in between, and a test that fails takes nothing over. The result is that of a build of everybody.

Belongs here: whom a change concerns, and replacing their rows. Does not belong here: what the rows are (dbt_project).
"""

from pipelines.refresh.refreshing import RefreshReport, WholeBuildNeededError, refresh_persons

__all__ = ["RefreshReport", "WholeBuildNeededError", "refresh_persons"]
