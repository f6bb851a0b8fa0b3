"""Converting the packaged language model: whole or not at all."""

import json
import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from inference.models import ModelError, ModelFiles, content_sha256, prepare_language_model
from resources.settings import Settings, load_settings


def prepare(home: Path) -> None:
    prepare_language_model(load_settings(home=home))


@pytest.mark.slow
@pytest.mark.model
def test_killed_conversion_leaves_nothing_half_and_the_next_gives_the_same_bytes(
    tmp_path: Path, language_model: ModelFiles
) -> None:
    settings = load_settings(home=tmp_path)
    process = multiprocessing.get_context("spawn").Process(target=prepare, args=(tmp_path,))
    process.start()
    while not list(settings.models_directory.glob("*.unfinished/*")):
        time.sleep(0.01)
        assert process.is_alive()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert [path.suffix for path in settings.models_directory.iterdir() if path.is_dir()] == [".unfinished"]
    prepared = prepare_language_model(settings)
    assert prepared.sha256 == language_model.sha256
    assert [path.name for path in settings.models_directory.iterdir() if path.is_dir()] == [prepared.path.name]


@pytest.mark.model
def test_converted_model_is_plain_and_has_its_chat_template(language_model: ModelFiles) -> None:
    configuration = json.loads((language_model.path / "config.json").read_text())
    assert "quantization_config" not in configuration
    assert "<|im_start|>" in (language_model.path / "chat_template.jinja").read_text()


@pytest.mark.model
def test_hash_covers_tokenizer_and_configuration(language_model: ModelFiles, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(language_model.path, copy, copy_function=os.link)
    assert content_sha256(copy) == language_model.sha256
    (copy / "chat_template.jinja").unlink()
    (copy / "chat_template.jinja").write_text("{{ messages }}")
    assert content_sha256(copy) != language_model.sha256


def test_settings_name_another_model(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    files = prepare_language_model(settings.model_copy(update={"language_model_path": tmp_path}))
    assert files.path == tmp_path
    with pytest.raises(ModelError, match=r"config\.json"):
        prepare_language_model(settings.model_copy(update={"language_model_path": tmp_path / "none"}))
