from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cache_admin.errors import DomainError
from cache_admin.management.output import as_json, command_actor, refused, tenant_named
from cache_admin.services.routes import save_route


class Command(BaseCommand):
    help = "Send a tenant's calls for one model to another."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="short name of the tenant")
        parser.add_argument("model", help="asked for; a trailing * matches any ending")
        parser.add_argument("target", help="model to call")
        parser.add_argument(
            "--group", default="", help="models of one group share answers (default: the target)"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            row = save_route(
                tenant=tenant_named(options["tenant"]),
                actor=command_actor("set_route"),
                model=options["model"],
                target_model=options["target"],
                group=options["group"],
            )
        except DomainError as error:
            raise refused(error) from error
        if options["json"]:
            result = {"model": row.model, "target_model": row.target_model, "group": row.group}
            self.stdout.write(as_json(result))
        else:
            self.stdout.write(f"{row.model} goes to {row.target_model}, group {row.group}")
