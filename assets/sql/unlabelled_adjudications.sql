-- Decisions that lack a sensitivity label of what their prompt held.
SELECT inference.unlabelled_adjudications()
