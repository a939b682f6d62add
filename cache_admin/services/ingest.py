"""Keeping the events of calls: each counted once, however often it is delivered."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from cache_admin.mappers import map_event, map_rollups
from cache_admin.models import CallEvent, HourlyRollup, Invalidation, InvalidationKind, Tenant
from cache_admin.services.turns import take_turn
from routing.redis_names import user_digest
from routing.telemetry.events import Event

_BAD_VALUE = (DataError, IntegrityError, ValueError, OverflowError, OSError)
INGEST_TURN = "ingest"
"""Held while events are added; see `take_turn`."""

_LONGEST_WAY = timedelta(days=90)
"""After which no event comes any more that a runtime kept on its disk."""

_KEY_FIELDS = ("tenant", "hour", "policy", "endpoint", "model", "layer", "result")
_SUM_FIELDS = (
    "calls",
    "errors",
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_write_input_tokens",
    "cost_nanousd",
    "avoided_nanousd",
    "total_us",
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event that cannot be kept, and why."""

    event: Event
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch: newly counted, seen before, refused."""

    new: int
    repeated: int
    refused: tuple[Refusal, ...]

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.new + other.new, self.repeated + other.repeated, self.refused + other.refused
        )


def store_events(events: Sequence[Event]) -> Outcome:
    """Keep `events` and add them to the rollups, an event and its sums in one transaction.

    Those whose id is already kept are not counted again. One that the database cannot hold, or of
    an unknown tenant, is refused without holding up the others: `events` are then halved, each half
    its own transaction, until it stands alone. Raises django.db.OperationalError when the database
    goes away; halves kept before that are not counted again when the same events come back.
    """
    tenants = dict(
        Tenant.objects.filter(uid__in={event.tenant for event in events}).values_list("uid", "pk")
    )
    known = [event for event in events if event.tenant in tenants]
    unknown = tuple(
        Refusal(event, "unknown tenant") for event in events if event.tenant not in tenants
    )
    return _store(known, tenants) + Outcome(0, 0, unknown)


def _store(events: Sequence[Event], tenants: dict[str, int]) -> Outcome:
    """Halve the batch until a value that the database refuses stands alone."""
    if not events:
        return Outcome(0, 0, ())
    try:
        return _store_all(events, tenants)
    except _BAD_VALUE as error:
        if len(events) == 1:
            return Outcome(0, 0, (Refusal(events[0], _first_line(error)),))
        middle = len(events) // 2
        return _store(events[:middle], tenants) + _store(events[middle:], tenants)


def _first_line(error: Exception) -> str:
    """What went wrong, without the details in which PostgreSQL repeats the row."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _store_all(events: Sequence[Event], tenants: dict[str, int]) -> Outcome:
    calls: dict[uuid.UUID, CallEvent] = {}
    for event in events:
        call = map_event(event, tenant_id=tenants[event.tenant])
        calls.setdefault(call.id, call)
    with transaction.atomic():
        take_turn(INGEST_TURN)
        _blank_erased(events, calls, tenants)
        kept = set(CallEvent.objects.filter(id__in=list(calls)).values_list("id", flat=True))
        fresh = [call for call_id, call in calls.items() if call_id not in kept]
        CallEvent.objects.bulk_create(fresh)
        _add_rollups(map_rollups(fresh))
    return Outcome(len(fresh), len(events) - len(fresh), ())


def _blank_erased(
    events: Sequence[Event], calls: Mapping[uuid.UUID, CallEvent], tenants: Mapping[str, int]
) -> None:
    """Take the names of users out of `calls` that were made before they were erased.

    Their digests are of the names as the runtimes know them, which columns may cut.
    """
    erased = _erased_users(tenants.values())
    if not erased:
        return
    for event in events:
        call = calls[uuid.UUID(event.id)]
        erased_at = erased.get((call.tenant_id, user_digest(event.user)))
        if erased_at is not None and call.at <= erased_at:
            call.user = ""


def _erased_users(tenant_ids: Iterable[int]) -> Mapping[tuple[int, str], datetime]:
    """When a user of a tenant, by digest, was last erased: his events may still be on the way."""
    erasures = Invalidation.objects.filter(
        kind=InvalidationKind.USER,
        tenant__in=list(tenant_ids),
        created_at__gte=timezone.now() - _LONGEST_WAY,
    )
    rows = erasures.order_by("created_at").values_list("tenant_id", "target", "created_at")
    return {(tenant_id, digest): at for tenant_id, digest, at in rows}


def _add_rollups(rollups: Sequence[HourlyRollup]) -> None:
    """Add sums to the rows that are there, and insert the others: one statement for all."""
    if not rollups:
        return
    meta = HourlyRollup._meta
    by_name = {field.name: field for field in meta.concrete_fields}
    fields = [by_name[name] for name in (*_KEY_FIELDS, *_SUM_FIELDS)]
    quote = connection.ops.quote_name
    table = quote(meta.db_table)
    columns = [quote(str(field.column)) for field in fields]
    keys, sums = columns[: len(_KEY_FIELDS)], columns[len(_KEY_FIELDS) :]
    # Names come from the model and values are parameters: nothing of the outside is in the text.
    statement = (
        f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608
        f"VALUES ({', '.join(['%s'] * len(columns))}) "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET "
        + ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    )
    rows = [
        [field.get_db_prep_save(getattr(rollup, field.attname), connection) for field in fields]
        for rollup in rollups
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)
