"""The API's input and output, field by field: forms of values here, rules in services."""

from __future__ import annotations
