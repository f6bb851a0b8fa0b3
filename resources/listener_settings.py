"""Settings of the HL7 v2 listener (``SANCTUM_MLLP_…``) and of the check of its backlog."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode


def _words(value: object) -> object:
    """Words separated by commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Words = Annotated[frozenset[str], NoDecode, BeforeValidator(_words)]
"""Words in any order."""

_SENDER = re.compile(r"[^|,]*\|[^|,]*")


class ListenerSettings(BaseSettings):
    """What a hospital decides about the messages it sends us."""

    mllp_host: str = Field(
        default="127.0.0.1", description="Address the listener binds; others than loopback need TLS."
    )
    mllp_port: int = Field(default=2575, ge=0, le=65535, description="Port of the listener; 0: any that is free.")
    mllp_metrics_port: int | None = Field(
        default=2576, ge=0, le=65535, description="Port on loopback of the figures for Prometheus."
    )
    mllp_certificate_file: Path | None = Field(default=None, description="Certificate (PEM, with its chain) for TLS.")
    mllp_key_file: Path | None = Field(default=None, description="Key of the certificate (PEM, mode 600).")
    mllp_client_authority_file: Path | None = Field(
        default=None, description="Authority (PEM) that signed the senders' certificates; with it, one is required."
    )
    mllp_plain: bool = Field(
        default=False, description="Listen beyond loopback without TLS, as where the network itself is encrypted."
    )
    mllp_allowed_addresses: Words = Field(
        default=frozenset({"127.0.0.0/8", "::1/128"}),
        description="Addresses or networks that may connect, separated by commas; default: loopback.",
    )
    mllp_allowed_senders: Words = Field(
        default=frozenset(),
        description="MSH-3|MSH-4 of senders, separated by commas, one part may be empty; default: any.",
    )
    mllp_processing_ids: Words = Field(
        default=frozenset({"P", "T", "D"}), description="MSH-11 that is taken; others are answered AR."
    )
    mllp_message_types: Words = Field(
        default=frozenset(), description="MSH-9 that is taken, as in ADT,ORU^R01; others are answered AR; default: any."
    )
    mllp_versions: Words = Field(
        default=frozenset(), description="MSH-12 that is taken, as in 2.3,2.5.1; others are answered AR; default: any."
    )
    mllp_end_without_return: bool = Field(default=False, description="Take 0x1C without 0x0D for the end of a frame.")
    mllp_message_bytes: int = Field(
        default=16 << 20, ge=1024, description="Longest message; a longer one is answered AR and its connection closed."
    )
    mllp_connections: int = Field(default=64, ge=1, description="Connections at a time.")
    mllp_window: int = Field(
        default=64, ge=1, description="Messages of one connection that may be unanswered before it is not read."
    )
    mllp_group_messages: int = Field(default=256, ge=1, description="Messages a commit at most.")
    mllp_queue_bytes: int = Field(
        default=64 << 20, ge=1024, description="Bytes that may wait for the database before no connection is read."
    )
    mllp_idle_seconds: float = Field(
        default=3600, ge=0, description="Silence after which a connection is closed; 0: never."
    )
    mllp_frame_seconds: float = Field(default=60, gt=0, description="Time a message may take from its first byte.")
    mllp_stop_seconds: float = Field(default=10, ge=0, description="Time to answer what was taken when stopping.")
    hl7_backlog_messages: int = Field(
        default=100_000, ge=0, description="Messages landed and not folded above which the check of the backlog fails."
    )
    hl7_backlog_seconds: float = Field(
        default=900, ge=0, description="Age of the oldest of them above which the check of the backlog fails."
    )

    @field_validator("mllp_certificate_file", "mllp_key_file", "mllp_client_authority_file")
    @classmethod
    def _absolute_listener_file(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("mllp_allowed_addresses")
    @classmethod
    def _networks(cls, value: frozenset[str]) -> frozenset[str]:
        try:
            return frozenset(str(ipaddress.ip_network(one)) for one in value)
        except ValueError:
            raise ValueError("addresses are as in 10.1.2.3,10.2.0.0/16,fd00::/8") from None

    @field_validator("mllp_allowed_senders")
    @classmethod
    def _senders(cls, value: frozenset[str]) -> frozenset[str]:
        if not all(_SENDER.fullmatch(one) and one != "|" for one in value):
            raise ValueError("senders are as in ADT|HOSPITAL,LAB|,|CLINIC: MSH-3, a bar, MSH-4")
        return value
