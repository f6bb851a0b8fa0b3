-- Decisions that cite a sentence that was not in their prompt, or nothing where they rest on something.
SELECT inference.unfounded_adjudications()
