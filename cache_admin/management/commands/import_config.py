from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cache_admin.errors import DomainError
from cache_admin.management.output import as_json, command_actor, refused
from cache_admin.services.portable import import_configuration


class Command(BaseCommand):
    help = "Bring in what export_config printed; matched by name, nothing is removed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="path of the file, or - for standard input")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            done = import_configuration(
                _read(options["file"]), actor=command_actor("import_config")
            )
        except DomainError as error:
            raise refused(error) from error
        if options["json"]:
            self.stdout.write(as_json(done))
        else:
            self.stdout.write(
                f"{done.tenants} tenants, {done.policies} policies, {done.faqs} FAQs, "
                f"{done.documents} documents, {done.routes} routes, "
                f"{done.never_merge} pairs that never merge, {done.event_rules} event rules"
            )


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from error
