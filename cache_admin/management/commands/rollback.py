from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cache_admin.errors import DomainError
from cache_admin.management.output import as_json, command_actor, refused, tenant_named
from cache_admin.models import Revision
from cache_admin.services.revisions import rollback


class Command(BaseCommand):
    help = "Bring the content of an earlier revision back, under a new number."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("revision", type=int)
        parser.add_argument("--tenant", default="", help="bring back only this tenant's part")
        parser.add_argument("--note", default="")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        old = Revision.objects.filter(number=options["revision"]).first()
        if old is None:
            raise CommandError(f"There is no revision {options['revision']}.")
        try:
            new = rollback(
                revision=old,
                actor=command_actor("rollback"),
                tenant=tenant_named(options["tenant"]) if options["tenant"] else None,
                note=options["note"],
            )
        except DomainError as error:
            raise refused(error) from error
        if options["json"]:
            self.stdout.write(as_json({"revision": new.number, "restores": old.number}))
        else:
            self.stdout.write(f"revision {new.number} restores revision {old.number}")
