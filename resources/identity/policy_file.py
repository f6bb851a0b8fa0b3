"""The form of a policy file, and reading one."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    ValidationError,
)

from resources.identity.identity import PolicyError
from resources.yaml_document import YamlDocumentError, faults, read_yaml

Value = StrictStr | StrictBool | StrictInt
Name = Annotated[str, StringConstraints(strict=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]
# HL7 v3 codes (PurposeOfUse, ActCode) are capital letters and digits; sites may add their own.
Purpose = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z][A-Z0-9_-]*$")]


def _as_list(value: object) -> object:
    """One item may be written without the brackets of a list."""
    return [value] if isinstance(value, str | bool | int | dict) else value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FromClaim(_Strict):
    """Names that are taken from a token.

    Attributes:
        claim: the claim with a name or a list of names.
        base: removed where a name begins with it, as ``https://ehr.example/fhir/`` of an absolute ``fhirUser``.
    """

    claim: Name
    base: StrictStr = ""


class Grants(_Strict):
    """What an identity gets, but its sites and teams; ``Identity`` says what each field means.

    Attributes:
        maximum_seconds: the identity expires after this many seconds at the latest.
    """

    role: Literal["infer", "reviewer", "embed", "auditor"]
    everyone: StrictBool = False
    sensitivities: tuple[Name, ...] = ()
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1)]
    may_break_glass: StrictBool = False
    maximum_seconds: Annotated[StrictInt, Field(gt=0, le=31 * 24 * 60 * 60)] | None = None


class LocalGrants(Grants):
    """Grants of a service or of this machine's users: no token is there to take names from."""

    care_sites: Annotated[tuple[Name, ...], BeforeValidator(_as_list)] = ()
    care_teams: Annotated[tuple[Name, ...], BeforeValidator(_as_list)] = ()


class Rule(Grants):
    """Grants for tokens that satisfy every condition of ``when``.

    Attributes:
        when: claim, to the values of which the token must have one. Not empty: nobody gets in by having any token.
        requires_amr: ways of authentication (RFC 8176) of which the token must name one, such as mfa or hwk.
    """

    when: Annotated[
        dict[Name, Annotated[tuple[Value, ...], BeforeValidator(_as_list), Field(min_length=1)]], Field(min_length=1)
    ]
    care_sites: Annotated[tuple[Name | FromClaim, ...], BeforeValidator(_as_list)] = ()
    care_teams: Annotated[tuple[Name | FromClaim, ...], BeforeValidator(_as_list)] = ()
    requires_amr: Annotated[tuple[Name, ...], BeforeValidator(_as_list)] = ()


class PolicyDocument(_Strict):
    """A policy file."""

    rules: tuple[Rule, ...] = ()
    services: dict[Name, LocalGrants] = {}
    local: LocalGrants | None = None


def read_policy(path: Path) -> PolicyDocument:
    """Read a policy file.

    Raises:
        PolicyError: it can't be read, is no YAML or is wrong; the text has the place and the reason.
    """
    try:
        content = read_yaml(path)
    except YamlDocumentError as error:
        raise PolicyError(f"the access policy {path} {error}") from None
    try:
        return PolicyDocument.model_validate(content)
    except ValidationError as error:
        raise PolicyError(f"the access policy {path} is wrong: {faults(error, PolicyDocument)}") from None
