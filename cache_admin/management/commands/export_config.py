from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cache_admin.services.portable import export_configuration


class Command(BaseCommand):
    help = "Print the configuration of every tenant as JSON, without keys and credentials."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="the only form there is")

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(export_configuration().decode(), ending="")
