"""The form of a policy file, and reading one."""

from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
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


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML libraries silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _value in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                mark = node.value[position][0].start_mark
                raise yaml.constructor.ConstructorError(problem="a key is there twice", problem_mark=mark)
        return super().construct_mapping(node, deep)


def read_policy(path: Path) -> PolicyDocument:
    """Read a policy file.

    Raises:
        PolicyError: it can't be read, is no YAML or is wrong; the text has the place and the reason.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise PolicyError(f"the access policy {path} can't be read ({type(error).__name__})") from None
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f" in line {error.problem_mark.line + 1}"
        raise PolicyError(f"the access policy {path} is no YAML{line}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise PolicyError(f"the access policy {path} is no YAML ({type(error).__name__})") from None
    try:
        return PolicyDocument.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'the file'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        )
        raise PolicyError(f"the access policy {path} is wrong: {faults}") from None
