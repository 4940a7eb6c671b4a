"""Which slugs a file may refer to: those it declares itself and those that are stored."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass, field

from accounts.models import Account, AccountGroup
from relay.models import Endpoint, EndpointGroup
from signals.models import Source, Strategy

from .reader import Mapping, Node, Scalar, Sequence
from .schema import At, one_of, scalar

MODELS = {
    "sources": Source,
    "accounts": Account,
    "account_groups": AccountGroup,
    "endpoints": Endpoint,
    "endpoint_groups": EndpointGroup,
    "strategies": Strategy,
}
NOUNS = {
    "sources": "source",
    "accounts": "account",
    "account_groups": "account group",
    "endpoints": "endpoint",
    "endpoint_groups": "endpoint group",
    "strategies": "strategy",
}


@dataclass
class Names:
    """`declared` maps a section to its slugs and whether each is there to stay (not `state: absent`)."""

    declared: Map[str, Map[str, bool]]
    _stored: dict[str, dict[str, bool]] = field(default_factory=dict)

    def live(self, section: str) -> dict[str, bool]:
        """Every slug known in that section, True when it is, or will be, in use rather than retired."""
        if section not in self._stored:
            rows = MODELS[section]._default_manager.values_list("slug", "retired_at")
            self._stored[section] = {slug: retired_at is None for slug, retired_at in rows}
        return {**self._stored[section], **self.declared.get(section, {})}


def declared(root: Mapping) -> dict[str, dict[str, bool]]:
    """A first, lenient look at the file, so that an item may refer to one that comes later."""
    found: dict[str, dict[str, bool]] = {}
    for key, node in root.entries:
        if key.text in MODELS:
            found.setdefault(key.text, dict(_items(node)))
    return found


def _items(node: Node) -> list[tuple[str, bool]]:
    found = []
    for item in node.items if isinstance(node, Sequence) else ():
        fields = {key.text: value for key, value in item.entries} if isinstance(item, Mapping) else {}
        slug, state = fields.get("slug"), fields.get("state")
        if isinstance(slug, Scalar):
            found.append((slug.text, not (isinstance(state, Scalar) and state.text == "absent")))
    return found


@dataclass(frozen=True)
class Reference:
    """The slug of an item of another section, in this file or stored, and not retired.

    `sections` share one namespace of slugs: what a strategy sends to is an endpoint or a group of them.
    """

    names: Names
    sections: tuple[str, ...]

    def read(self, node: Node, at: At) -> str:
        noun = " or ".join(NOUNS[section] for section in self.sections)
        slug = scalar(node, at, wanted=f"the slug of {'an' if noun[0] in 'aeiou' else 'a'} {noun}").text
        known = {name: live for section in self.sections for name, live in self.names.live(section).items()}
        if slug not in known:
            at.fail(node, one_of(slug, [name for name, live in known.items() if live], noun=noun))
        if not known[slug]:
            section = next(section for section in self.sections if slug in self.names.live(section))
            at.fail(
                node,
                f"the {NOUNS[section]} {slug!r} is retired; give it in `{section}` again, or leave it out here",
            )
        return slug
