from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cache_admin.errors import DomainError
from cache_admin.management.output import as_json, command_actor, refused, tenant_named
from cache_admin.models import Role, Tenant
from cache_admin.services.members import join, remove_member


class Command(BaseCommand):
    help = "Give a person a role in a tenant, or take it away. A new account's password is printed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="short name of the tenant")
        parser.add_argument("username")
        parser.add_argument("role", nargs="?", choices=Role.values)
        parser.add_argument("--remove", action="store_true", help="take the place away")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["remove"] == bool(options["role"]):
            raise CommandError("Give either a role or --remove.")
        tenant = tenant_named(options["tenant"])
        try:
            if options["remove"]:
                self._remove(tenant, options)
            else:
                self._set(tenant, options)
        except DomainError as error:
            raise refused(error) from error

    def _set(self, tenant: Tenant, options: dict[str, Any]) -> None:
        name, role = options["username"], options["role"]
        joined = join(tenant=tenant, actor=command_actor("set_member"), username=name, role=role)
        if options["json"]:
            result = {"tenant": tenant.slug, "username": name, "role": role}
            self.stdout.write(as_json({**result, "password": joined.password}))
            return
        self.stdout.write(f"{name} is {role} in {tenant.slug}")
        if joined.password:
            self.stdout.write(f"password  {joined.password}  (shown this once; to be changed)")

    def _remove(self, tenant: Tenant, options: dict[str, Any]) -> None:
        name = options["username"]
        remove_member(tenant=tenant, actor=command_actor("set_member"), username=name)
        if options["json"]:
            self.stdout.write(as_json({"tenant": tenant.slug, "username": name, "role": None}))
        else:
            self.stdout.write(f"{name} is no longer in {tenant.slug}")
