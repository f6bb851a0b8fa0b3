import logging
import random

import pytest

from inference.chat import ChatTemplate
from inference.engine import EngineError, Request, VllmEngine
from inference.models import ModelFiles
from inference.prompts import answer_schema, read_answer

pytestmark = [pytest.mark.model, pytest.mark.slow]

WORDS = [
    "colonoscopy",
    "HbA1c",
    "7.2 %",
    "refused",
    "128/76",
    "2019",
    "]}",
    '"',
    "S77",
    "évidence",
    "漢字",
    '["S9"]',
    "{",
]


def random_requests(language_model: ModelFiles, number: int) -> list[tuple[list[str], Request]]:
    random_number = random.Random(7)
    template = ChatTemplate(language_model)
    requests = []
    for _ in range(number):
        ids = [f"S{n}" for n in range(1, random_number.randint(2, 9))]
        lines = [f"{key}: {' '.join(random_number.choices(WORDS, k=random_number.randint(1, 12)))}" for key in ids]
        prompt = template.render([{"role": "user", "content": "\n".join(lines)}])
        requests.append((ids, Request(prompt, answer_schema(ids))))
    return requests


def test_whatever_the_prompt_the_answer_cites_only_its_sentences(
    language_engine: VllmEngine,
    language_model: ModelFiles,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture,
) -> None:
    requests = random_requests(language_model, 24)
    with caplog.at_level(logging.DEBUG):
        completions = language_engine.complete([request for _, request in requests])
    answers = [read_answer(done.text, ids) for (ids, _), done in zip(requests, completions, strict=True)]
    assert all(set(answer.cited) <= set(ids) for (ids, _), answer in zip(requests, answers, strict=True))
    assert all(done.prompt_tokens > 10 and done.completion_tokens > 5 and done.latency_ms > 0 for done in completions)
    output = capfd.readouterr()
    assert not any(word in caplog.text + output.out + output.err for word in ("colonoscopy", "évidence"))
    assert output.out == ""


def test_same_requests_give_the_same_answers_alone_and_in_a_batch(
    language_engine: VllmEngine, language_model: ModelFiles
) -> None:
    requests = [request for _, request in random_requests(language_model, 4)]
    together = [done.text for done in language_engine.complete(requests)]
    assert [language_engine.complete([request])[0].text for request in requests] == together


def test_too_long_a_prompt_is_an_error_that_does_not_repeat_it(language_engine: VllmEngine) -> None:
    with pytest.raises(EngineError) as raised:
        language_engine.complete([Request("secret " * 5000, answer_schema(["S1"]))])
    assert "secret" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_describes_itself(language_engine: VllmEngine) -> None:
    assert language_engine.description.startswith("vllm ")
    assert language_engine.description.endswith(" float32")
