"""Keeps what guards derive from a text, so that a question is read once for twenty candidates."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar, TypeVarTuple

from routing.guards.text import Text

_SHORT = 2_000
_SHORT_KEPT = 4_096
_LONG_KEPT = 64
"""A text of the longest kind takes a megabyte once it is cut up."""

_Rest = TypeVarTuple("_Rest")
_Derived = TypeVar("_Derived")


def remembered(derive: Callable[[Text, *_Rest], _Derived]) -> Callable[[Text, *_Rest], _Derived]:
    """`derive`, keeping its results for many short texts and a few long ones."""
    short = lru_cache(maxsize=_SHORT_KEPT)(derive)
    long = lru_cache(maxsize=_LONG_KEPT)(derive)

    def read(text: Text, /, *rest: *_Rest) -> _Derived:
        return short(text, *rest) if len(text.clean) < _SHORT else long(text, *rest)

    return read
