from __future__ import annotations

import logging
import signal
import socket
import threading
from dataclasses import asdict
from typing import Any

import msgspec
import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, connection

from cache_admin.services.event_stream import EventConsumer, Tally, retry_poison

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
_SOCKET_TIMEOUT_SECONDS = 10.0


class Command(BaseCommand):
    help = "Take the runtimes' events off Redis and count them, until stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default=socket.gethostname(), help="name of this consumer")
        parser.add_argument("--claim-idle-ms", type=int, default=30_000)
        parser.add_argument(
            "--drain", action="store_true", help="stop as soon as nothing is waiting"
        )
        parser.add_argument(
            "--retry-poison",
            action="store_true",
            help="try once more what was set aside, and stop",
        )
        parser.add_argument("--json", action="store_true", help="print the counts at the end")

    def handle(self, *_args: Any, **options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_args: stopping.set())
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=_SOCKET_TIMEOUT_SECONDS, socket_connect_timeout=2.0
        ) as client:
            if options["retry_poison"]:
                self._tell(retry_poison(client), options)
                return
            consumer = EventConsumer(
                client,
                name=options["name"],
                claim_idle_ms=options["claim_idle_ms"],
                block_ms=1 if options["drain"] else 1_000,
            )
            total = _run(consumer, stopping, drain=options["drain"])
        self._tell(total, options)

    def _tell(self, total: Tally, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(msgspec.json.encode(asdict(total)).decode())
        elif options["retry_poison"]:
            kept = total.new + total.repeated
            self.stdout.write(f"{kept} events kept, {total.poisoned} still set aside")


def _run(consumer: EventConsumer, stopping: threading.Event, *, drain: bool) -> Tally:
    """Ingest until told to stop; Redis or the database being away only makes it wait."""
    total, pause = Tally(), _FIRST_PAUSE_SECONDS
    while not stopping.is_set():
        try:
            done = consumer.run_once()
        except (redis.RedisError, OperationalError, InterfaceError) as error:
            logger.warning("events.ingest_waits seconds=%.1f reason=%s", pause, error)
            connection.close()
            stopping.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            continue
        total, pause = total + done, _FIRST_PAUSE_SECONDS
        if drain and done.entries == 0:
            break
    return total
