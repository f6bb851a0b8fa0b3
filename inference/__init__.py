"""Chunking, embedding, retrieval, prompts, the vLLM engine and adjudication.

Belongs here: everything that touches document text or a model. Does not belong here: Dagster, dlt, loading sources.
"""

import resources as resources
