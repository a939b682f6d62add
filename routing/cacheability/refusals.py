"""Answers in which the model declines to answer."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_READ: Final = 400
"""Characters. A refusal comes first; what follows explains it."""


def reads_as_refusal(text: str) -> bool:
    """Whether `text` begins by declining, in English or Spanish.

    An answer that says sorry, or that something cannot be had, and then informs is none.
    """
    return _REFUSAL.match(_plain(text[:_READ])) is not None


def _plain(text: str) -> str:
    """Lower case without accents, marks and quotes; one space between words."""
    decomposed = unicodedata.normalize("NFKD", text).replace("\u2019", "'")
    letters = "".join(char for char in decomposed.lower() if not unicodedata.combining(char))
    return " ".join(re.sub(r"[*_`\"#>]+", " ", letters).split())


def _read_patterns() -> re.Pattern[str]:
    path = Path(__file__).with_name("refusals.toml")
    tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return re.compile("|".join(_pattern(table) for table in tables.values()))


def _pattern(table: Mapping[str, Any]) -> str:
    words = {name: "|".join(listed) for name, listed in table["words"].items()}

    def alternatives(name: re.Match[str]) -> str:
        return f"(?:{words[name[1]]})"

    return "|".join(re.sub(r"\{(\w+)\}", alternatives, one) for one in table["patterns"])


_REFUSAL: Final = _read_patterns()
