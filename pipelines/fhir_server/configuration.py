"""The file of servers (``SANCTUM_FHIR_SERVERS_FILE``): which there are, how to ask them, and how much."""

from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from pipelines.fhir.resource_types import RESOURCE_TYPES
from pipelines.fhir_server.errors import ServersFileError
from resources.settings import Settings
from resources.yaml_document import YamlDocumentError, faults, read_yaml


class Mode(StrEnum):
    """How to ask for what changed."""

    SINCE = "since"
    """Bulk ``_since``."""
    LAST_UPDATED = "lastUpdated"
    """Search by ``_lastUpdated``."""
    CREATED = "created"
    """A window on the date on which a resource was recorded, with overlap."""
    FULL = "full"
    """Everything; the loader leaves out what has not changed."""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _web_address(value: str) -> str:
    """An https URL without query, fragment and password; http for loopback alone."""
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is no URL") from None
    if not value.isascii() or not value.isprintable() or " " in value or not host:
        raise ValueError("is no URL with a host")
    if parts.username is not None or "?" in value or "#" in value:
        raise ValueError("has a password, a query or a fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError("is no https URL; http is allowed on loopback alone")
    return value.rstrip("/")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _absolute(value: Path) -> Path:
    if not value.expanduser().is_absolute():
        raise ValueError("is no absolute path")
    return value.expanduser()


def _known_type(value: str) -> str:
    if value not in RESOURCE_TYPES:
        raise ValueError("is no type of FHIR R4")
    return value


Url = Annotated[StrictStr, AfterValidator(_web_address)]
Text = Annotated[str, StringConstraints(strict=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_as_list)]
ServerName = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
ResourceType = Annotated[StrictStr, AfterValidator(_known_type)]
ParameterName = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z_][A-Za-z0-9_:.-]*$")]
Host = Annotated[str, StringConstraints(strict=True, to_lower=True, pattern=r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$")]
FhirId = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9.-]+$")]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[StrictInt, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Authorization(_Strict):
    """A client of SMART Backend Services (SMART App Launch 2.2, section 5).

    Attributes:
        private_key_file: PEM with mode 600; RSA for RS384, the curve P-384 for ES384. The file of servers has it.
        key_id: ``kid`` of the public key as registered.
        jwks_url: where the server finds the public keys (sent as ``jku``); without it they were registered by hand.
        token_url: default: as ``.well-known/smart-configuration`` says.
    """

    client_id: Text
    private_key_file: Annotated[Path, AfterValidator(_absolute)] | None = None
    key_id: Text
    algorithm: Literal["RS384", "ES384"] = "RS384"
    jwks_url: Url | None = None
    token_url: Url | None = None
    scopes: Texts = ("system/*.read",)


class Export(_Strict):
    """A Bulk Data export (Bulk Data Access 2.0).

    Attributes:
        of: the whole system, all patients, or one group.
        group: id of the group.
        types: sent as ``_type``.
        type_filters: ``_typeFilter`` queries by type, without ``Type?``.
        filters_are_supported: whether the server honours ``_typeFilter``, so that a window on a date can be asked for.
        poll_seconds: wait before the first poll and, doubled each time, between polls that say nothing of waiting.
        give_up_hours: how long one run waits; the export goes on and the next run takes it up.
        parallel_downloads: files at a time.
    """

    of: Literal["system", "patient", "group"]
    group: FhirId | None = None
    types: Annotated[tuple[ResourceType, ...], Field(min_length=1)]
    type_filters: dict[ResourceType, Texts] = {}
    filters_are_supported: StrictBool = False
    poll_seconds: Positive = 10.0
    give_up_hours: Positive = 24.0
    parallel_downloads: Annotated[StrictInt, Field(ge=1, le=16)] = 4

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.of == "group") != (self.group is not None):
            raise ValueError("group is needed where of is group, and nowhere else")
        if strangers := set(self.type_filters) - set(self.types):
            raise ValueError(f"type_filters for types that are not exported: {', '.join(sorted(strangers))}")
        return self


class Search(_Strict):
    """A search of one type (FHIR R4, RESTful API, search).

    Attributes:
        parameters: as they are, such as ``category`` or ``_include``; several values make several searches' OR where
            the server says so: each value is sent as a parameter of its own.
        per_patient: parameter that takes a patient's id: one search for each patient of this server that is known.
    """

    type: ResourceType
    parameters: dict[ParameterName, Texts] = {}
    per_patient: ParameterName | None = None
    count: Annotated[StrictInt, Field(ge=1, le=10_000)] = 200


class Server(_Strict):
    """A server.

    Attributes:
        name: names the source system; part of every key, so keep it.
        modes: how to ask for what changed, where the server's metadata lead to a wrong choice.
        created_parameters: search parameter of the date on which a resource of a type was recorded.
        overlap_seconds: how far before the watermark to ask.
        full_every_days: types asked by created date are asked for whole again after this many days, since a change to
            an older record does not move its date.
        requests_per_second: to the server's REST API and for attachments; files of an export, which are ready and
            come ``parallel_downloads`` at a time, do not count.
        attempts: how often a request is made that meets 429, 5xx or a broken connection.
        backoff_seconds: wait before the second attempt, doubled for each further one.
        maximum_wait_seconds: the longest wait, whatever ``Retry-After`` says.
        maximum_attachment_bytes: larger attachments stay where they are; 0: none is fetched.
        download_hosts: other hosts that files and attachments may come from.
        certificates_file: certificates (PEM) to trust in place of the usual ones.
    """

    name: ServerName
    base_url: Url
    authorization: Authorization | None = None
    export: Export | None = None
    searches: tuple[Search, ...] = ()
    modes: dict[ResourceType, Mode] = {}
    created_parameters: dict[ResourceType, ParameterName] = {}
    overlap_seconds: NotNegative = 600
    full_every_days: Annotated[StrictInt, Field(ge=1)] = 30
    requests_per_second: Positive = 5.0
    attempts: Annotated[StrictInt, Field(ge=1, le=20)] = 6
    backoff_seconds: Positive = 1.0
    maximum_wait_seconds: Positive = 300.0
    timeout_seconds: Positive = 60.0
    maximum_attachment_bytes: NotNegative = 10 << 20
    download_hosts: Annotated[tuple[Host, ...], BeforeValidator(_as_list)] = ()
    certificates_file: Annotated[Path, AfterValidator(_absolute)] | None = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.export is None and not self.searches:
            raise ValueError("neither export nor searches: nothing would be asked for")
        exported = set(self.export.types) if self.export else set()
        if twice := exported & {search.type for search in self.searches}:
            raise ValueError(f"both exported and searched: {', '.join(sorted(twice))}")
        return self


class _Document(_Strict):
    servers: Annotated[tuple[Server, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [server.name for server in self.servers]
        if len(set(names)) < len(names):
            raise ValueError("servers: a name is there twice")
        for server in self.servers:
            if server.authorization is not None and server.authorization.private_key_file is None:
                raise ValueError(f"server {server.name}: authorization.private_key_file is missing")
        return self


def read_servers(path: Path) -> tuple[Server, ...]:
    """The servers of a file.

    Raises:
        ServersFileError: it can't be read or is wrong; the text has the place and the reason.
    """
    try:
        content = read_yaml(path)
    except YamlDocumentError as error:
        raise ServersFileError(f"the file of FHIR servers {path} {error}") from None
    try:
        return _Document.model_validate(content).servers
    except ValidationError as error:
        raise ServersFileError(
            f"the file of FHIR servers {path} is wrong: {faults(error, _Document, RESOURCE_TYPES)}"
        ) from None


def check_server(content: object) -> Server:
    """A server from an entry as in the file of servers, wherever the entry comes from.

    Raises:
        ServersFileError: it is wrong; the text has the place and the reason.
    """
    try:
        return Server.model_validate(content)
    except ValidationError as error:
        raise ServersFileError(f"the FHIR server's entry is wrong: {faults(error, Server, RESOURCE_TYPES)}") from None


def find_server(settings: Settings, name: str) -> Server:
    """The server of this name.

    Raises:
        ServersFileError: no file is set, it is wrong, or has no such server.
    """
    if settings.fhir_servers_file is None:
        raise ServersFileError("SANCTUM_FHIR_SERVERS_FILE is not set: it names the file of FHIR servers.")
    servers = read_servers(settings.fhir_servers_file)
    for server in servers:
        if server.name == name:
            return server
    known = ", ".join(server.name for server in servers)
    raise ServersFileError(f"{settings.fhir_servers_file} has no server of that name; it has {known}.")
