"""What differs between two snapshots, told in paths that people can read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from routing.snapshot import Snapshot, TenantConfig

PATHS_SHOWN = 3
_HIDDEN = "(hidden)"
_SECRET_FIELDS = frozenset({"secret", "digest", "event_secrets"})
_LABELS = {
    "api_keys": "uid",
    "policies": "name",
    "documents": "slug",
    "faqs": "question",
    "routes": "model",
    "credentials": "provider",
}
_PAIRS = {"never_merge": " ≠ ", "event_rules": " → "}
"""Lists of pairs of texts; a pair is there or not, and is told by its texts."""


class Change(Struct, frozen=True):
    """One value that changed; `before` or `after` is None when the thing was not there.

    A path reads ``tenants/<slug>/policies/<name>/<field>``, where fields have parts also
    ``.../<field>/<part>``. Secrets are replaced by a placeholder.
    """

    path: str
    before: Any
    after: Any


class PartSummary(Struct, frozen=True):
    """What changed in one part, ``tenants/<slug>`` or ``prices``: how much, and the first paths."""

    part: str
    count: int
    paths: tuple[str, ...]


def snapshot_changes(before: Snapshot | None, after: Snapshot) -> tuple[Change, ...]:
    """Every change from `before` (None: from nothing) to `after`, in a fixed order."""
    return (*_tenant_changes(before, after), *_price_changes(before, after))


def same_content(before: Snapshot | None, after: Snapshot) -> bool:
    """Whether the two configure the same, whatever their number and time."""
    return (
        before is not None
        and before.tenants == after.tenants
        and before.prices == after.prices
        and before.schema_version == after.schema_version
    )


def summarize(changes: Iterable[Change]) -> tuple[PartSummary, ...]:
    """`changes` in short, by part, in their order."""
    paths: dict[str, list[str]] = {}
    for change in changes:
        paths.setdefault(part_of(change.path), []).append(change.path)
    return tuple(
        PartSummary(part, len(found), tuple(found[:PATHS_SHOWN])) for part, found in paths.items()
    )


def part_of(path: str) -> str:
    """The part of the configuration that `path` is in; people see parts whole or not at all."""
    return "/".join(path.split("/")[: 2 if path.startswith("tenants/") else 1])


def _tenant_changes(before: Snapshot | None, after: Snapshot) -> Iterator[Change]:
    old = {tenant.uid: tenant for tenant in before.tenants} if before else {}
    new = {tenant.uid: tenant for tenant in after.tenants}
    for uid in sorted(old.keys() | new.keys(), key=lambda uid: (new.get(uid) or old[uid]).slug):
        yield from _one_tenant(old.get(uid), new.get(uid))


def _one_tenant(before: TenantConfig | None, after: TenantConfig | None) -> Iterator[Change]:
    if before == after:
        return
    old, new = _plain(before), _plain(after)
    path = f"tenants/{(new or old)['slug']}"
    own = [name for name in (new or old) if name not in _LABELS and name not in _PAIRS]
    if not old or not new:
        yield Change(
            path,
            _masked({k: old[k] for k in own}) if old else None,
            _masked({k: new[k] for k in own}) if new else None,
        )
    else:
        yield from _fields(path, {k: old[k] for k in own}, {k: new[k] for k in own})
    for group, label in _LABELS.items():
        yield from _items(f"{path}/{group}", old.get(group, ()), new.get(group, ()), label)
    for group, sign in _PAIRS.items():
        yield from _pairs(f"{path}/{group}", old.get(group, ()), new.get(group, ()), sign)


def _items(path: str, before: Any, after: Any, label: str) -> Iterator[Change]:
    old = {item["uid"]: item for item in before}
    new = {item["uid"]: item for item in after}
    for uid in sorted(old.keys() | new.keys(), key=lambda uid: (new.get(uid) or old[uid])[label]):
        was, now = old.get(uid), new.get(uid)
        item_path = f"{path}/{(now or was or {})[label]}"
        if was is None or now is None:
            yield Change(item_path, _masked(was), _masked(now))
        else:
            yield from _fields(item_path, was, now)


def _pairs(path: str, before: Any, after: Any, sign: str) -> Iterator[Change]:
    old = {sign.join(item.values()): item for item in before}
    new = {sign.join(item.values()): item for item in after}
    for label in sorted(old.keys() ^ new.keys()):
        yield Change(f"{path}/{label}", old.get(label), new.get(label))


def _fields(path: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for name in after:
        was, now = before.get(name), after[name]
        if was == now:
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _fields(f"{path}/{name}", was, now)
        elif name in _SECRET_FIELDS:
            yield Change(f"{path}/{name}", _HIDDEN, _HIDDEN)
        else:
            yield Change(f"{path}/{name}", was, now)


def _price_changes(before: Snapshot | None, after: Snapshot) -> Iterator[Change]:
    old = {(row.model, row.valid_from): row for row in before.prices} if before else {}
    new = {(row.model, row.valid_from): row for row in after.prices}
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            model, valid_from = key
            path = f"prices/{model}/{valid_from:%Y-%m-%d}"
            yield Change(path, _plain(old.get(key)) or None, _plain(new.get(key)) or None)


def _masked(item: dict[str, Any] | None) -> dict[str, Any] | None:
    if item is None:
        return None
    return {name: _HIDDEN if name in _SECRET_FIELDS else value for name, value in item.items()}


def _plain(value: Struct | None) -> dict[str, Any]:
    """Plain JSON types; empty for None."""
    if value is None:
        return {}
    plain: dict[str, Any] = msgspec.to_builtins(value)
    return plain
