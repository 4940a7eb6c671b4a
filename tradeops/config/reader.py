"""YAML as its author wrote it: a tree of nodes that keep their line and source text.

The usual loaders turn `0.10` into a binary float, `off` into False and drop the first of two equal keys. Here
nothing is converted: the schema decides what a text means, and can name the line when it means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml

from .errors import ConfigurationFileError, Located

_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True)
class Scalar:
    """`tag` is YAML's idea of a plain text (`str int float bool null …`); a quoted one is always `str`."""

    text: str = field(repr=False)  # may be a secret
    tag: str
    line: int

    @property
    def is_null(self) -> bool:
        return self.tag == "null"


@dataclass(frozen=True)
class Sequence:
    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True)
class Mapping:
    """Entries as written, equal keys included."""

    entries: tuple[tuple[Scalar, Node], ...]
    line: int


Node = Scalar | Sequence | Mapping


def parse(text: str, *, file: str) -> Node | None:
    """The document's tree; None for an empty one. Raises ConfigurationFileError at the line that is not YAML."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        return None if root is None else _convert(root, file=file, within=frozenset())
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigurationFileError([Located(file, line, "", f"not a character of a text: {error.reason}")]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        message = " ".join(part for part in (error.problem, error.context) if part)
        raise ConfigurationFileError([Located(file, line, "", f"not YAML: {message}")]) from None
    except RecursionError:
        raise ConfigurationFileError([Located(file, 1, "", "nested too deeply")]) from None


def _convert(node: yaml.Node, *, file: str, within: frozenset[int]) -> Node:
    line = node.start_mark.line + 1
    if id(node) in within:
        raise ConfigurationFileError([Located(file, line, "", "an anchor that contains itself")])
    if isinstance(node, yaml.ScalarNode):
        return Scalar(node.value, node.tag.rpartition(":")[2], line)
    inside = within | {id(node)}
    if isinstance(node, yaml.SequenceNode):
        return Sequence(tuple(_convert(item, file=file, within=inside) for item in node.value), line)
    entries = []
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
            what = "merge keys (<<) are" if isinstance(key, yaml.ScalarNode) else "a list or map as a key is"
            message = f"{what} not understood here; write the fields out"
            raise ConfigurationFileError([Located(file, key.start_mark.line + 1, "", message)])
        name = Scalar(key.value, "str", key.start_mark.line + 1)
        entries.append((name, _convert(value, file=file, within=inside)))
    return Mapping(tuple(entries), line)
