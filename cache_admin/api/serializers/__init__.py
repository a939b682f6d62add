"""The API's input and output, field by field. Rules live in services."""

from __future__ import annotations
