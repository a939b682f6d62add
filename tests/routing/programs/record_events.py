"""Records events for ever and says each id once it is recorded: DATA_DIR REDIS_URL."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from routing.config import RuntimeConfig
from routing.telemetry.sink import EventSink
from tests.routing.events import event


async def main() -> None:
    data_dir, redis_url = sys.argv[1:]
    sink = EventSink(RuntimeConfig(redis_url=redis_url, data_dir=Path(data_dir)))
    await sink.start()
    while True:
        for _ in range(7):
            recorded = event()
            sink.record(recorded)
            os.write(1, f"{recorded.id}\n".encode())
        await asyncio.sleep(0.001)


asyncio.run(main())
