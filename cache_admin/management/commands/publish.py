from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cache_admin.management.output import as_json, command_actor
from cache_admin.services.push import push_pending
from cache_admin.services.revisions import publish


class Command(BaseCommand):
    help = "Publish the configuration as it stands and bring it to Redis if it is not there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--note", default="")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        revision = publish(actor=command_actor("publish"), note=options["note"])
        push_pending()
        revision.refresh_from_db(fields=["pushed_at"])
        pushed = revision.pushed_at is not None
        if options["json"]:
            self.stdout.write(as_json({"revision": revision.number, "pushed": pushed}))
        else:
            state = "pushed" if pushed else "not pushed yet"
            self.stdout.write(f"revision {revision.number}, {state}")
