"""Every setting of Sanctum, typed, read from the environment once (prefix ``SANCTUM_``)."""

import json
import os
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from resources.listener_settings import ListenerSettings

Validation = Literal["full", "structural"]
MappingProfile = Literal["us-core", "ig-strict"]


def _pairs(value: object) -> object:
    """A mapping, or the text of a JSON object, as pairs in a fixed order: settings are hashed."""
    if isinstance(value, str):
        value = json.loads(value)
    return tuple(sorted(value.items())) if isinstance(value, Mapping) else value


Limits = Annotated[tuple[tuple[str, Annotated[float, Field(ge=0, le=1)]], ...], NoDecode, BeforeValidator(_pairs)]
"""Reason and share, once each."""


def _zones(value: object) -> object:
    pairs = _pairs(value)
    if isinstance(pairs, tuple):
        for _, zone in pairs:
            _zone(str(zone))
    return pairs


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{value} is no time zone of the IANA database, such as America/New_York") from None
    return value


Zones = Annotated[tuple[tuple[str, str], ...], NoDecode, BeforeValidator(_zones)]
"""Name and IANA zone, once each."""


def _names(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
"""Names separated by commas."""

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]*:[0-9a-f:.]*")


def _hosts(value: object) -> object:
    """Hosts separated by commas, in lower case as URLs are compared."""
    if isinstance(value, str):
        value = [part.strip().lower() for part in value.split(",") if part.strip()]
    if isinstance(value, list) and not all(isinstance(part, str) and _HOST.fullmatch(part) for part in value):
        raise ValueError("hosts are separated by commas, each as in minio.example, without scheme, port and path")
    return value


Hosts = Annotated[frozenset[str], NoDecode, BeforeValidator(_hosts)]
"""Names or addresses of hosts."""


class Settings(ListenerSettings):
    """Settings of one Sanctum home. Two homes share nothing."""

    model_config = SettingsConfigDict(
        env_prefix="SANCTUM_", env_file=None, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    home: Path = Field(default=Path(".sanctum"), description="Holds all state: database, landed bytes, models, logs.")
    database_url: SecretStr | None = Field(
        default=None,
        description="URL of an ordinary PostgreSQL (16 or later, with pgvector) as the migration owner; "
        "without it an embedded server under home is used.",
    )
    database_url_file: Path | None = Field(
        default=None, description="File (mode 600) that holds the database URL, in place of database_url."
    )
    role_passwords_file: Path | None = Field(
        default=None,
        description="File (mode 600): a JSON object, role name to password, for a server that asks for passwords.",
    )
    source_system: str = Field(
        default="ehr", min_length=1, description="Names the system FHIR resources come from; part of every key."
    )
    mapping_profile: MappingProfile = Field(
        default="us-core", description="Which resources become rows: see pipelines/fhir/profiles.py."
    )
    validation: Validation = Field(
        default="full", description="full: fhir.resources checks every resource; structural: what mapping needs."
    )
    time_zone: str = Field(default="UTC", description="Zone of HL7 v2 timestamps that carry no offset (IANA name).")
    hl7_facility_zones: Zones = Field(
        default=(), description="JSON object, MSH-4 to IANA zone of its timestamps without offset; default: time_zone."
    )
    hl7_patient_authorities: Names = Field(
        default=(),
        description="Assigning authorities of PID-3 whose identifier keys the person, best first, separated by commas.",
    )
    hl7_updates_move: bool = Field(
        default=False, description="Whether an HL7 v2 A08 with another location is a transfer; else it corrects it."
    )
    hl7_location: Literal["bed", "room", "unit"] = Field(
        default="bed", description="What makes two places of PV1-3 two: bed, room or unit."
    )
    hl7_emergency_admission: Literal["inpatient", "emergency-inpatient"] = Field(
        default="inpatient", description="What an emergency visit becomes that A06 makes an inpatient one: 9201 or 262."
    )
    hl7_snapshot: bool = Field(
        default=False, description="Whether AL1, DG1, PR1 and IN1 of an ADT replace all that were told before."
    )
    hl7_inbox: Path | None = Field(
        default=None, description="Folder the HL7 sensor watches; default: inbox/hl7 under home."
    )
    fhir_inbox: Path | None = Field(
        default=None, description="Folder the FHIR landing asset reads; default: inbox/fhir under home."
    )
    fhir_servers_file: Path | None = Field(
        default=None, description="YAML: the FHIR servers to ingest from; see docs/fhir_servers.md."
    )
    object_store_hosts: Hosts = Field(
        default=frozenset(),
        description="Hosts of object stores that may be connected to, separated by commas; default: none.",
    )
    as_of: date | None = Field(default=None, description="Day features are computed for; default: today.")
    workers: int = Field(default=2, ge=1, le=64, description="Processes that parse and validate in parallel.")
    refresh_most_persons: int = Field(
        default=20_000, ge=1, description="Persons above which a refresh gives way to a build of everybody."
    )
    embedding_model_path: Path | None = Field(
        default=None, description="Folder of a sentence-transformers model; default: the packaged all-MiniLM-L6-v2."
    )
    language_model_path: Path | None = Field(
        default=None, description="Folder of a model vLLM can load; default: the packaged SmolLM2-135M-Instruct."
    )
    inference_python: Path | None = Field(
        default=None, description="Interpreter for embedding and adjudication, such as a GPU environment's python."
    )
    oidc_issuer: str | None = Field(
        default=None,
        description="Issuer URL of the hospital's OpenID Connect provider; without it, callers are local users.",
    )
    oidc_audience: str | None = Field(default=None, description="Audience that tokens must name: this installation.")
    oidc_jwks_url: str | None = Field(
        default=None, description="Where the provider's keys are; default: as its discovery document says."
    )
    access_policy_file: Path | None = Field(
        default=None, description="YAML: which claims give which role, care sites and teams; see docs/access.md."
    )
    identity_key_file: Path | None = Field(
        default=None, description="Secret that vouches for callers to the database; default: keys/identity under home."
    )
    audit_signing_key_file: Path | None = Field(
        default=None, description="Ed25519 key (PEM) that signs audit heads; default: keys/audit.pem under home."
    )
    quarantine_fail_fraction: float = Field(
        default=0.05, ge=0, le=1, description="Share of read records in quarantine above which the check fails."
    )
    quarantine_limits: Limits = Field(
        default=(),
        description="JSON object, reason to share of read records above which the check by reason fails; "
        "default of each: quarantine_fail_fraction.",
    )
    quarantine_warn_fraction: float = Field(
        default=0.5, ge=0, le=1, description="Share of a limit by reason above which its check warns."
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return _zone(value)

    @model_validator(mode="after")
    def _one_database(self) -> "Settings":
        if self.database_url is not None and self.database_url_file is not None:
            raise ValueError("database_url and database_url_file are both set: keep one")
        return self

    @property
    def names_a_server(self) -> bool:
        """Whether an ordinary server is named, in place of the embedded one under home."""
        return self.database_url is not None or self.database_url_file is not None

    @field_validator(
        "home",
        "database_url_file",
        "role_passwords_file",
        "hl7_inbox",
        "fhir_inbox",
        "fhir_servers_file",
        "embedding_model_path",
        "language_model_path",
        "access_policy_file",
        "identity_key_file",
        "audit_signing_key_file",
    )
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @property
    def landing_directory(self) -> Path:
        """Landed bytes by content hash."""
        return self.home / "landing"

    @property
    def hl7_inbox_directory(self) -> Path:
        """Where HL7 v2 files are dropped for the sensor."""
        return self.hl7_inbox or self.home / "inbox" / "hl7"

    @property
    def fhir_inbox_directory(self) -> Path:
        """Where FHIR files are dropped for the landing asset."""
        return self.fhir_inbox or self.home / "inbox" / "fhir"

    @property
    def fhir_server_directory(self) -> Path:
        """What FHIR servers gave, by server and export, until it is loaded."""
        return self.home / "fhir_server"

    @property
    def identity_key_path(self) -> Path:
        """The secret that vouches for callers to the database."""
        return self.identity_key_file or self.home / "keys" / "identity"

    @property
    def models_directory(self) -> Path:
        """Model weights prepared from packages."""
        return self.home / "models"

    @property
    def dlt_directory(self) -> Path:
        """dlt's working directory; emptied of load packages after each load."""
        return self.home / "dlt"

    @property
    def dbt_directory(self) -> Path:
        """dbt's target and log directories."""
        return self.home / "dbt"

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME: instance configuration and compute logs."""
        return self.home / "dagster"

    def effective_as_of(self) -> date:
        """The day features are computed for."""
        return self.as_of or date.today()


# Set by Sanctum itself for the processes it starts; none is a setting.
_NOT_SETTINGS = ("SANCTUM_DBT_", "SANCTUM_DAGSTER_", "SANCTUM_INFERENCE_LOCATION_")


def load_settings(**overrides: object) -> Settings:
    """Read settings from the environment; keyword arguments win over it.

    Raises:
        pydantic.ValidationError: a variable has a value of the wrong type.
        ValueError: a variable with the prefix is no setting: most likely its name is misspelt.
    """
    known = {f"SANCTUM_{name.upper()}" for name in Settings.model_fields}
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith("SANCTUM_") and not name.startswith(_NOT_SETTINGS) and name not in known
    )
    if unknown:
        raise ValueError(f"no such setting: {', '.join(unknown)}; resources/settings.py lists them")
    return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them
