from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cache_admin.errors import DomainError
from cache_admin.management.output import as_json, command_actor, refused, tenant_named
from cache_admin.services.keys import create_key


class Command(BaseCommand):
    help = "Make a key for a tenant and print its text, which is never shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="short name of the tenant")
        parser.add_argument("--name", default="command line")
        parser.add_argument(
            "--scopes", default="call", help="comma-separated: call, read, write (default: call)"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        scopes = tuple(item.strip() for item in options["scopes"].split(",") if item.strip())
        try:
            made = create_key(
                tenant=tenant_named(options["tenant"]),
                actor=command_actor("create_key"),
                name=options["name"],
                scopes=scopes,
            )
        except DomainError as error:
            raise refused(error) from error
        if options["json"]:
            key = {"uid": made.key.uid, "name": made.key.name, "scopes": made.key.scopes}
            self.stdout.write(as_json({**key, "key": made.text}))
        else:
            self.stdout.write(made.text)
