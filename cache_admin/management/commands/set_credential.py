from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cache_admin.errors import DomainError
from cache_admin.management.output import as_json, command_actor, refused, tenant_named
from cache_admin.services.credentials import set_credential


class Command(BaseCommand):
    help = "Store a tenant's own key at a provider, read from standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="short name of the tenant")
        parser.add_argument("provider", help="openai")
        parser.add_argument("--base-url", default="", help="the provider's own when left out")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        tenant = tenant_named(options["tenant"])
        # Never an argument: those are in the process list and in the shell's history.
        secret = getpass.getpass("key: ") if sys.stdin.isatty() else sys.stdin.read()
        try:
            row = set_credential(
                tenant=tenant,
                actor=command_actor("set_credential"),
                provider=options["provider"],
                secret=secret,
                base_url=options["base_url"],
            )
        except DomainError as error:
            raise refused(error) from error
        if options["json"]:
            result = {"tenant": tenant.slug, "provider": row.provider, "hint": row.hint}
            self.stdout.write(as_json({**result, "base_url": row.base_url}))
        else:
            self.stdout.write(f"{tenant.slug} calls {row.provider} with the key …{row.hint}")
