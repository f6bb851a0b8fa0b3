"""Any bytes in any chunks: no crash, no more memory than the limit, the same frames as in one chunk."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipelines.hl7.mllp.acknowledgement import Acknowledger, read_envelope, without_leading_blanks
from pipelines.hl7.mllp.arrival import Reception
from pipelines.hl7.mllp.framing import FrameDecoder, OversizedFrameError
from resources.settings import load_settings
from tests.pipelines.hl7.mllp.senders import admission

LIMIT = 40
PIECES = st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\x1c\r", b"M", b"MSH|", b"x" * 15, b"\n", b"\x00"])
STREAMS = st.lists(PIECES, max_size=60).map(b"".join) | st.binary(max_size=200)


def decoded(chunks: list[bytes], *, lenient: bool) -> tuple[list[bytes], bytes | None, int]:
    """Frames, the head of one that is too long, and bytes discarded before it."""
    decoder = FrameDecoder(LIMIT, end_without_return=lenient)
    frames: list[bytes] = []
    head = None
    for chunk in chunks:
        try:
            frames += decoder.feed(chunk)
        except OversizedFrameError as error:
            assert head is None, "told once"
            frames += error.frames
            head = error.head
        assert decoder.held <= LIMIT
    return frames, head, decoder.discarded


@given(stream=STREAMS, cuts=st.lists(st.integers(0, 300), max_size=20), lenient=st.booleans())
def test_6_1_chunks_do_not_matter(stream: bytes, cuts: list[int], lenient: bool) -> None:
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    chunks = [stream[start:end] for start, end in itertools.pairwise(places)]
    whole, head, discarded = decoded([stream], lenient=lenient)
    for chunked in (chunks, [bytes([byte]) for byte in stream]):
        found, found_head, found_discarded = decoded(chunked, lenient=lenient)
        assert (found, found_discarded) == (whole, discarded)
        assert (found_head is None) == (head is None)
    assert all(len(frame) <= LIMIT for frame in whole)


@given(bodies=st.lists(st.binary(max_size=LIMIT).map(lambda b: b.translate(None, b"\x0b\x1c")), max_size=8))
def test_6_1_what_was_framed_comes_out(bodies: list[bytes]) -> None:
    stream = b"junk".join(b"\x0b" + body + b"\x1c\r" for body in bodies)
    assert decoded([stream], lenient=False)[0] == bodies


def test_6_4_the_limit_is_of_the_message_alone() -> None:
    assert decoded([b"\x0b" + b"x" * LIMIT + b"\x1c\r"], lenient=False)[:2] == ([b"x" * LIMIT], None)
    assert decoded([b"\x0b" + b"x" * (LIMIT + 1) + b"\x1c\r"], lenient=False)[:2] == ([], b"x" * (LIMIT + 1))


RECEPTION, ACKNOWLEDGER = Reception(load_settings()), Acknowledger()
DAMAGE = st.lists(
    st.tuples(st.integers(0, 400), st.binary(max_size=4) | st.sampled_from([b"|", b"^", b"\\", b"\r", b"MSH|", b'""']))
)


@given(frame=st.binary(max_size=300) | st.builds(lambda damage: damaged(admission("f"), damage), DAMAGE))
def test_6_10_any_frame_is_judged_and_answered(frame: bytes) -> None:
    arrival = RECEPTION.receive(frame)
    for answer in ACKNOWLEDGER.answers(arrival.envelope, arrival.refusal):
        assert not {0x0B, 0x1C} & set(answer)
        assert answer.startswith(b"MSH")
        assert answer.endswith(b"\r")
        assert read_envelope(answer).is_acknowledgement or not arrival.envelope.is_whole
        assert without_leading_blanks(answer) == answer[:-1].rstrip(b"\r\n")


def damaged(message: bytes, damage: list[tuple[int, bytes]]) -> bytes:
    for place, replacement in damage:
        place %= len(message) + 1
        message = message[:place] + replacement + message[place + len(replacement) // 2 :]
    return message
