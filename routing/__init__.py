"""The data plane: what an application's call is routed through. Knows nothing of Django."""

from __future__ import annotations

__version__ = "0.1.0"
