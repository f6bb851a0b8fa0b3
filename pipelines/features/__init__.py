"""The days as of which ``features.person_feature`` and the tables behind it are made.

A build and a refresh make them for their own day and for every day asked for here. What was known on a day is in tables
that do not depend on it, so that other days take the few models behind the wide table alone.

Belongs here: which days, and having them made. Does not belong here: what a feature is (dbt_project).
"""

from pipelines.features.days import FeatureDays, NotBuiltError, feature_days, make_features

__all__ = ["FeatureDays", "NotBuiltError", "feature_days", "make_features"]
