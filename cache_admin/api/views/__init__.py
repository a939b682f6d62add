"""One module per object: load, parse, call the service or selector, answer."""

from __future__ import annotations
