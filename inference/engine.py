"""Engines that complete prompts: vLLM inside this process, behind an interface that others can meet.

Belongs here: starting an engine and asking it. Does not belong here: prompts' wording, the database. Prompts and
completions are PHI: nothing here logs them, and no error carries them.
"""

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from inference.models import ModelFiles
from resources.settings import Settings

MAXIMUM_MODEL_LENGTH = 4096
"""Tokens of prompt and completion together."""

MAXIMUM_COMPLETION_TOKENS = 96
CONCURRENT_REQUESTS = 16


class EngineError(RuntimeError):
    """The engine could not start or answer; the text never carries a prompt or completion."""


@dataclass(frozen=True)
class Request:
    """A rendered prompt and the JSON schema its completion must meet."""

    prompt: str
    schema: Mapping[str, object]


@dataclass(frozen=True)
class Completion:
    """What came back; ``latency_ms`` counts from handing the request over to its last token."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    latency_ms: float


class Engine(Protocol):
    """Anything that completes prompts under a schema, always the same way for the same prompt."""

    @property
    def description(self) -> str:
        """Name, version and number format, such as ``vllm 0.32.0 float32``."""
        ...

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Complete all requests, in their order.

        Raises:
            EngineError: the engine failed, or a completion was cut off.
        """
        ...


class VllmEngine:
    """vLLM in this process, on its CPU build or on a GPU. Starting takes seconds; use one for all requests."""

    def __init__(self, settings: Settings, model: ModelFiles) -> None:
        """Start the engine.

        Raises:
            EngineError: vLLM is not installed or can't load the model.
        """
        _configure_vllm(settings)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                import vllm

                self._llm: Any = vllm.LLM(
                    str(model.path),
                    dtype=_number_format(model),
                    enforce_eager=True,
                    max_model_len=MAXIMUM_MODEL_LENGTH,
                    max_num_seqs=CONCURRENT_REQUESTS,
                    enable_prefix_caching=True,
                    seed=0,
                    disable_log_stats=False,
                    use_tqdm_on_load=False,
                    structured_outputs_config={"backend": "xgrammar", "disable_any_whitespace": True},
                )
        except Exception as error:
            raise EngineError(f"vLLM did not start with {model.path} ({type(error).__name__}: {error})") from error
        dtype = str(self._llm.llm_engine.model_config.dtype).removeprefix("torch.")
        self._description = f"vllm {vllm.__version__} {dtype}"

    @property
    def description(self) -> str:
        """vLLM's version and the number format it computes in."""
        return self._description

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Complete all requests by continuous batching, greedily, in their order.

        Raises:
            EngineError: the engine failed, or a completion was cut off.
        """
        if not requests:
            return []
        tokenizer = self._llm.get_tokenizer()
        # The chat template has placed every special token already.
        prompts = [tokenizer.encode(request.prompt, add_special_tokens=False) for request in requests]
        try:
            outputs = self._llm.generate(
                [{"prompt_token_ids": prompt} for prompt in prompts],
                [_sampling(request) for request in requests],
                use_tqdm=False,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, its text may carry the prompt
            raise EngineError(f"vLLM failed on {len(requests)} requests ({type(error).__name__})") from None
        return [_completion(output) for output in outputs]


def _configure_vllm(settings: Settings) -> None:
    """Set what vLLM reads from the environment, and only there, when it is imported.

    One process, so that the start takes 6 s and not 40 s; a key-value cache for a small model on a CPU; caches inside
    the home; and no log line below critical: its error log dumps requests.
    """
    caches = settings.models_directory / "vllm"
    os.environ.update(
        {
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_LOGGING_LEVEL": "CRITICAL",
            "VLLM_CACHE_ROOT": str(caches),
            "VLLM_CONFIG_ROOT": str(caches),
        }
    )


def _number_format(model: ModelFiles) -> str:
    """Float32 for weights in float32, which vLLM would otherwise halve; any other as vLLM sees fit."""
    configuration = json.loads((model.path / "config.json").read_text())
    return "float32" if "float32" in (configuration.get("dtype"), configuration.get("torch_dtype")) else "auto"


def _sampling(request: Request) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    return SamplingParams(
        temperature=0,
        seed=0,
        max_tokens=MAXIMUM_COMPLETION_TOKENS,
        # Without blanks between JSON tokens: a small model can emit them without end.
        structured_outputs=StructuredOutputsParams(json=dict(request.schema), disable_any_whitespace=True),
    )


def _completion(output: Any) -> Completion:
    answer = output.outputs[0]
    if answer.finish_reason != "stop":
        raise EngineError(f"vLLM ended a completion with {answer.finish_reason} after {len(answer.token_ids)} tokens")
    return Completion(
        text=answer.text,
        prompt_tokens=len(output.prompt_token_ids),
        completion_tokens=len(answer.token_ids),
        latency_ms=(output.metrics.last_token_ts - output.metrics.queued_ts) * 1000,
    )
