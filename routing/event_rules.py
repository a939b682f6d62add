"""Which tags an event invalidates, by the tenant's rules. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from routing.snapshot import EventRule

_PLACEHOLDER = re.compile(r"\{(id|payload\.[^{}]+)\}")
_PAYLOAD = "payload."


def event_tags(
    rules: Iterable[EventRule], *, name: str, entity: str, payload: Mapping[str, object]
) -> tuple[str, ...]:
    """The tags that the rules for events called `name` make of `entity` and `payload`.

    A rule that asks for a field which the payload does not have, or which is neither text nor a
    number, makes no tag: half of a tag would name other entries.
    """
    tags = (
        _filled(rule.tag, entity=entity, payload=payload) for rule in rules if rule.event == name
    )
    return tuple(dict.fromkeys(tag for tag in tags if tag))


def _filled(template: str, *, entity: str, payload: Mapping[str, object]) -> str:
    values: dict[str, str] = {}
    for name in _PLACEHOLDER.findall(template):
        value = entity if name == "id" else _text(payload.get(name.removeprefix(_PAYLOAD)))
        if not value:
            return ""
        values[name] = value
    # In one pass, so that what a value holds is never taken for a placeholder.
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else ""
