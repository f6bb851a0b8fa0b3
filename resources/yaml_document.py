"""YAML files that people write: read strictly, with errors that say where, and never what a value was."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError


class YamlDocumentError(RuntimeError):
    """A file can't be read or is no YAML; the text follows the name of the file in an error."""


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML libraries silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _value in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                mark = node.value[position][0].start_mark
                raise yaml.constructor.ConstructorError(problem="a key is there twice", problem_mark=mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        YamlDocumentError: it can't be read, or is no YAML.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise YamlDocumentError(f"can't be read ({type(error).__name__})") from None
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f" in line {error.problem_mark.line + 1}"
        raise YamlDocumentError(f"is no YAML{line}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise YamlDocumentError(f"is no YAML ({type(error).__name__})") from None


def faults(error: ValidationError) -> str:
    """Each fault with its place in the document, and none of its values."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'the file'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    )
