"""A message as it arrived, judged by what can be read of it at once: taken, kept apart, or refused."""

from enum import Enum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pipelines.hl7.header import Header, read_header
from pipelines.hl7.mllp import acknowledgement
from pipelines.hl7.mllp.acknowledgement import Envelope, Refusal, read_envelope, without_leading_blanks
from resources.settings import Settings

_EMPTY = Header({}, None, None)


class Arrival(NamedTuple):
    """One message on its way to landing.

    Attributes:
        body: from MSH on, without trailing line ends, as landing keeps it.
        envelope: what its answers are made of.
        header: what landing keeps beside the bytes; empty for what is kept apart or refused.
        problem: quarantine reason of bytes that are no usable message and are kept apart.
        refusal: what the sender is told; None: it is taken.
    """

    body: bytes
    envelope: Envelope
    header: Header = _EMPTY
    problem: str | None = None
    refusal: Refusal | None = None

    @property
    def is_landed(self) -> bool:
        """Whether its place is ``landing.hl7_message``."""
        return self.refusal is None

    @property
    def kind(self) -> str:
        """Its type for logs, such as ``ADT^A01``; words of HL7 alone."""
        code, trigger = self.envelope.message_code.decode(), self.envelope.trigger.decode()
        return f"{code}^{trigger}" if trigger else code or "unknown"


class Fate(Enum):
    """What became of a message in the store."""

    STORED = "stored"
    KNOWN = "known"
    ERASED = "erased"
    APART = "apart"
    NOT_STORED = "not_stored"


class Reception:
    """The rules by which messages are taken."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings' limits."""
        self._zone = ZoneInfo(settings.time_zone)
        self._senders = frozenset(tuple(one.split("|")) for one in settings.mllp_allowed_senders)
        self._processing_ids = settings.mllp_processing_ids
        self._types = settings.mllp_message_types
        self._versions = settings.mllp_versions

    def receive(self, frame: bytes) -> Arrival:
        """Judge a frame's content."""
        body = without_leading_blanks(frame)
        envelope = read_envelope(body)
        if not envelope.is_whole:
            return Arrival(body, envelope, problem="no_msh", refusal=acknowledgement.UNREADABLE_HEADER)
        refusal = self._refusal(envelope)
        if refusal is not None:
            return Arrival(body, envelope, refusal=refusal)
        if b"\rMSH" + envelope.separator in body or b"\nMSH" + envelope.separator in body:
            return Arrival(body, envelope, problem="several_messages", refusal=acknowledgement.SEVERAL_MESSAGES)
        header = read_header(body, self._zone)
        if not header.columns["message_code"]:
            return Arrival(body, envelope, problem=header.problem or "not_hl7", refusal=acknowledgement.NO_TYPE)
        return Arrival(body, envelope, header)

    def _refusal(self, envelope: Envelope) -> Refusal | None:
        """Why a readable message is not wanted here; what is not wanted is left with its sender."""
        if self._senders and not self._is_allowed(envelope):
            return acknowledgement.SENDER_NOT_ALLOWED
        processing_id = _text(envelope.components(11)[0])
        if processing_id and processing_id not in self._processing_ids:
            return acknowledgement.UNSUPPORTED_PROCESSING_ID
        if self._versions and _text(envelope.components(12)[0]) not in self._versions:
            return acknowledgement.UNSUPPORTED_VERSION
        if self._types and not envelope.is_acknowledgement and not self._is_of_type(envelope):
            return acknowledgement.UNSUPPORTED_TYPE
        return None

    def _is_of_type(self, envelope: Envelope) -> bool:
        code = envelope.message_code.decode()
        return not self._types.isdisjoint({code, f"{code}^{envelope.trigger.decode()}"})

    def _is_allowed(self, envelope: Envelope) -> bool:
        application, facility = (_text(envelope.components(number)[0]) for number in (3, 4))
        return not self._senders.isdisjoint({(application, facility), (application, ""), ("", facility)})


def _text(part: bytes) -> str:
    return part.strip().decode("utf-8", "replace")
