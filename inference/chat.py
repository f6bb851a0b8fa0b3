"""Messages to the text a model was trained on: its own chat template and tokenizer.

Belongs here: rendering and counting tokens. Does not belong here: wording.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from inference.models import ModelFiles

Message = Mapping[str, str]
"""``role`` and ``content``."""


class ChatTemplate:
    """The chat template and tokenizer of a model, loaded at first use."""

    def __init__(self, model: ModelFiles) -> None:
        self._model = model

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self._model.path, local_files_only=True)

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation as one text, ending where the model's answer begins."""
        return str(
            self._tokenizer.apply_chat_template(
                [dict(message) for message in messages], tokenize=False, add_generation_prompt=True
            )
        )

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a rendered text."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))
