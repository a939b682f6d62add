"""A consumer that the system kills after the commit and before the acknowledgement."""

from __future__ import annotations

import os
import signal
from typing import Any

import django
import redis


class DeadlyRedis(redis.Redis):
    """Redis as usual until something is to be acknowledged."""

    def pipeline(self, *_args: Any, **_kwargs: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    django.setup()
    from cache_admin.services.event_stream import EventConsumer

    client = DeadlyRedis.from_url(os.environ["REDIS_URL"])
    EventConsumer(client, name="killed").run_once()


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "controlplane.settings"
    main()
