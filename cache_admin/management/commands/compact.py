from __future__ import annotations

from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cache_admin.management.output import as_json
from cache_admin.services.removal import compact


class Command(BaseCommand):
    help = "Remove what no call can reach any more, as the runtimes do every few seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            done = compact()
        except redis.RedisError as error:
            raise CommandError(f"Redis does not answer: {error}") from error
        if options["json"]:
            self.stdout.write(as_json(done))
        else:
            self.stdout.write(f"{done.entries} entries in {done.partitions} partitions removed")
