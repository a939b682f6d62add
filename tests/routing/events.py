"""Events with visible values for the tests of telemetry."""

from __future__ import annotations

from typing import Any

from routing.telemetry.events import Event, new_event_id


def event(**changes: Any) -> Event:
    values: dict[str, Any] = {
        "id": new_event_id(),
        "time_ms": 1_700_000_000_000,
        "tenant": "acme",
        "key": "key-1",
        "protocol": "chat",
        "layer": "exact",
        "result": "hit",
        "status": 200,
        "revision": 7,
    }
    return Event(**(values | changes))
