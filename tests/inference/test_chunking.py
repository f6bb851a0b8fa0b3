import re

from hypothesis import given
from hypothesis import strategies as st

from inference.chunking import MAXIMUM_CHARACTERS, chunk_id, split_sentences

NOTE = """2025-03-04

# Chief Complaint
- Hunger
- Thirst

# History of Present Illness
Mr. Example was seen by Dr. Smith at 9 a.m. today. He reports that his HbA1c
was 7.2 % at St. Mary's; it was 8.9 % before.
BP 128/76 mmHg. Denies chest pain."""


def texts(note: str) -> list[str]:
    return [sentence.text for sentence in split_sentences(note)]


def test_sentences_lines_and_list_items() -> None:
    assert texts(NOTE) == [
        "2025-03-04",
        "# Chief Complaint",
        "- Hunger",
        "- Thirst",
        "# History of Present Illness",
        "Mr. Example was seen by Dr. Smith at 9 a.m. today.",
        "He reports that his HbA1c\nwas 7.2 % at St. Mary's; it was 8.9 % before.",
        "BP 128/76 mmHg.",
        "Denies chest pain.",
    ]


def test_heading_does_not_run_into_its_text() -> None:
    assert texts("PLAN\ncontinue metformin") == ["PLAN", "continue metformin"]


def test_lines_without_a_word_give_nothing() -> None:
    assert texts("\n  \n-----\n***\n") == []


def test_long_sentence_is_cut_at_blanks() -> None:
    note = "word " * 1000
    sentences = split_sentences(note)
    assert max(len(sentence.text) for sentence in sentences) <= MAXIMUM_CHARACTERS
    assert " ".join(sentence.text for sentence in sentences) == note.strip()


def test_long_text_without_blanks_is_cut() -> None:
    assert [len(text) for text in texts("x" * 2500)] == [1000, 1000, 500]


def test_chunk_id_depends_on_note_place_and_text() -> None:
    first, second = split_sentences("One thing.\nOne thing.")
    assert len({chunk_id(1, first), chunk_id(1, second), chunk_id(2, first)}) == 3
    assert 0 <= chunk_id(1, first) < 2**63


clinical = st.lists(
    st.sampled_from(
        ["Dr. ", "BP 120/80. ", "e.g. ", "\n", "\n\n- ", "1. ", "a.m.", "?!", "(see [1]) ", "“quoted.” ", "&ᓰ&"]
    )
    | st.text(max_size=20),
    max_size=40,
).map("".join)


@given(clinical)
def test_every_word_lies_in_exactly_one_sentence_and_offsets_point_at_it(note: str) -> None:
    sentences = split_sentences(note)
    assert [sentence.number for sentence in sentences] == list(range(len(sentences)))
    end = 0
    for sentence in sentences:
        assert sentence.start >= end
        assert not re.search(r"\w", note[end : sentence.start])
        assert note[sentence.start : sentence.end] == sentence.text
        assert sentence.text == sentence.text.strip() != ""
        assert len(sentence.text) <= MAXIMUM_CHARACTERS
        end = sentence.end
    assert not re.search(r"\w", note[end:])
