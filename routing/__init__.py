"""The data plane: what an application's call is routed through. Knows nothing of Django.

As a library: ``from routing import Engine``. The names are loaded when first asked for, so that the
control plane, which takes only values from here, does not load the engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from routing.active import ActiveConfig, activate
    from routing.embedding.runtime import Embedder
    from routing.engine import Engine
    from routing.snapshot import Snapshot, decode_snapshot
    from routing.store.entries import EntryStore
    from routing.types import Call, Completion, Controls, Lookup

__version__ = "0.1.0"

__all__ = [
    "ActiveConfig",
    "Call",
    "Completion",
    "Controls",
    "Embedder",
    "Engine",
    "EntryStore",
    "Lookup",
    "Snapshot",
    "activate",
    "decode_snapshot",
]

_MODULES = {
    "ActiveConfig": "routing.active",
    "Call": "routing.types",
    "Completion": "routing.types",
    "Controls": "routing.types",
    "Embedder": "routing.embedding.runtime",
    "Engine": "routing.engine",
    "EntryStore": "routing.store.entries",
    "Lookup": "routing.types",
    "Snapshot": "routing.snapshot",
    "activate": "routing.active",
    "decode_snapshot": "routing.snapshot",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
