from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cache_admin.errors import DomainError
from cache_admin.management.output import as_json, command_actor, refused, tenant_named
from cache_admin.models import Invalidation, InvalidationKind, InvalidationState
from cache_admin.services.invalidations import InvalidationSpec, request_invalidation
from cache_admin.services.removal import run_invalidation

_LOOK_AGAIN_SECONDS = 0.5
_OPTIONS = {
    "entry": "one entry, as x-cache-entry names it",
    "tag": "everything that carries this tag",
    "user": "everything of this user, who is taken out of the events too",
    "policy": "everything of the policy with this name",
    "document": "everything that rests on the document with this short name",
}


class Command(BaseCommand):
    help = "Remove stored answers of a tenant, and wait for the receipt."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="short name of the tenant")
        which = parser.add_mutually_exclusive_group(required=True)
        for name, text in _OPTIONS.items():
            which.add_argument(f"--{name}", help=text)
        which.add_argument("--all", action="store_true", help="everything of the tenant")
        parser.add_argument("--note", default="", help="why, for the history")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        tenant = tenant_named(options["tenant"])
        spec = _spec(options)
        try:
            row = request_invalidation(tenant=tenant, actor=command_actor("invalidate"), spec=spec)
        except DomainError as error:
            raise refused(error) from error
        _carry_out(row)
        if row.state == InvalidationState.FAILED:
            raise CommandError(f"{row.kind} {row.target}: {row.error}")
        receipt = {
            "uid": row.uid,
            "kind": row.kind,
            "target": row.target,
            "removed_entries": row.removed_entries,
            "removed_index_keys": row.removed_index_keys,
            "blanked_events": row.blanked_events,
            "residual_entries": row.residual_keys,
            "seconds": (row.duration_ms or 0) / 1000,
        }
        if options["json"]:
            self.stdout.write(as_json(receipt))
        else:
            self.stdout.write(
                f"{row.removed_entries} entries and {row.removed_index_keys} index keys removed; "
                f"a second look found {row.residual_keys}"
            )


def _spec(options: dict[str, Any]) -> InvalidationSpec:
    for name in _OPTIONS:
        if options[name] is not None:
            return InvalidationSpec(kind=name, target=options[name], note=options["note"])
    return InvalidationSpec(kind=InvalidationKind.TENANT.value, note=options["note"])


def _carry_out(row: Invalidation) -> None:
    """Remove it here, or wait for the worker that has it or has another.

    Raises CommandError when Redis does not answer.
    """
    while True:
        done = run_invalidation(row.pk)
        row.refresh_from_db()
        if done or row.state in (InvalidationState.DONE, InvalidationState.FAILED):
            return
        if row.state == InvalidationState.PENDING and row.error:
            raise CommandError(f"{row.error}. A worker goes on with it when Redis answers.")
        time.sleep(_LOOK_AGAIN_SECONDS)
