"""Sentences to vectors, by a sentence-transformers model in this process.

Belongs here: the one place that loads the embedding model. Does not belong here: the database.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from pgvector import HalfVector

from inference.models import EMBEDDING_DIMENSIONS, ModelError, ModelFiles, prepare_embedding_model
from resources.settings import Settings

_BATCH_SIZE = 64


class Encoder:
    """An embedding model that is loaded when the first sentence comes."""

    def __init__(self, settings: Settings) -> None:
        """Find and verify the model's files; nothing is loaded yet.

        Raises:
            ModelError: the files are missing or not the published ones.
        """
        self.files: ModelFiles = prepare_embedding_model(settings)
        self._threads = settings.workers

    @cached_property
    def _model(self) -> Any:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        torch.set_num_threads(self._threads)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = SentenceTransformer(str(self.files.path), device=device, local_files_only=True)
        if model.get_embedding_dimension() != EMBEDDING_DIMENSIONS:
            raise ModelError(f"{self.files.name} has not {EMBEDDING_DIMENSIONS} dimensions, as the database expects.")
        return model

    def encode(self, sentences: Sequence[str]) -> list[HalfVector]:
        """Unit vectors of 384 half-precision numbers, in the order of the sentences.

        Sentences are batched by length inside, so that little is padded.
        """
        if not sentences:
            return []
        vectors = self._model.encode(
            list(sentences), batch_size=_BATCH_SIZE, normalize_embeddings=True, show_progress_bar=False
        )
        return [HalfVector(vector) for vector in vectors]
