"""YAML files that people write: read strictly, with errors that say where, and never what a value was."""

from collections.abc import Collection, Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

# What PyYAML raises beside its own errors where a value is not of the type that a tag or its form promises.
_UNFIT = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class YamlDocumentError(RuntimeError):
    """A file can't be read or is no YAML; the text follows the name of the file in an error."""


class _TwiceError(yaml.MarkedYAMLError):
    """A key is there twice."""


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML libraries silently take the last."""

    # Of the library itself: other packages in the process teach ``SafeLoader`` their own ways to read values.
    yaml_constructors = yaml.constructor.SafeConstructor.yaml_constructors.copy()
    yaml_implicit_resolvers = yaml.resolver.Resolver.yaml_implicit_resolvers.copy()

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _value in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                mark = node.value[position][0].start_mark
                raise _TwiceError(problem_mark=mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        YamlDocumentError: it can't be read, or is no YAML.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)
    except (OSError, RecursionError, UnicodeDecodeError) as error:
        raise YamlDocumentError(f"can't be read ({type(error).__name__})") from None
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f" in line {error.problem_mark.line + 1}"
        # What PyYAML says of the problem quotes names and values.
        reason = ": a key is there twice" if isinstance(error, _TwiceError) else ""
        raise YamlDocumentError(f"is no YAML{line}{reason}") from None
    except yaml.YAMLError as error:
        raise YamlDocumentError(f"is no YAML ({type(error).__name__})") from None
    except _UNFIT as error:
        raise YamlDocumentError(f"has a value that is not of its type ({type(error).__name__})") from None


def faults(error: ValidationError, model: type[BaseModel], keys: Collection[str] = ()) -> str:
    """Each fault with its place in the document, and none of its values; a key that a person thought of is ``?``.

    Args:
        error: what ``model`` raised.
        model: whose names of fields may be told.
        keys: others that may.
    """
    schema = model.model_json_schema()
    parts = (schema, *schema.get("$defs", {}).values())
    known = {name for part in parts for name in part.get("properties", {})} | set(keys)
    return "; ".join(
        f"{_place(fault['loc'], known) or 'the file'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    )


def _place(location: tuple[int | str, ...], known: Collection[str]) -> str:
    return ".".join(str(part) if isinstance(part, int) or part in known else "?" for part in location)
