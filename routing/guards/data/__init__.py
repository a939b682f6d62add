"""The curated word lists of the guards, English and Spanish, as TOML."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any


def read_table(name: str) -> dict[str, Any]:
    """The table in the data file `name`. Raises FileNotFoundError for an unknown name."""
    return tomllib.loads(resources.files(__name__).joinpath(name).read_text(encoding="utf-8"))
