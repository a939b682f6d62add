from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cache_admin.management.output import as_json
from cache_admin.services.demo import seed_demo


class Command(BaseCommand):
    help = (
        "Make the demo tenant, an administrator and an app key, each unless it is there. "
        "DEMO_PASSWORD sets the administrator's password."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        seeded = seed_demo(password=os.environ.get("DEMO_PASSWORD", ""))
        if options["json"]:
            self.stdout.write(as_json(seeded))
            return
        self.stdout.write(f"tenant    {seeded.tenant}")
        self.stdout.write(f"username  {seeded.username}")
        self.stdout.write(f"password  {seeded.password or '(unchanged)'}")
        self.stdout.write(f"app key   {seeded.app_key or '(unchanged)'}")
