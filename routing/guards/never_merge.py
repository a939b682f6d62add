"""Veto the pairs that someone has set apart by hand."""

from __future__ import annotations

from routing.guards.comparison import Comparison
from routing.guards.text import Text
from routing.normalize import normalize_question


def never_merge(comparison: Comparison) -> str:
    """The pair of questions when the tenant lists them as never sharing an answer."""
    pairs = comparison.lexicon.never_merge
    if not pairs:
        return ""
    pair = (_normalised(comparison.asked), _normalised(comparison.stored))
    return " | ".join(pair) if pair in pairs else ""


def _normalised(text: Text) -> str:
    return normalize_question(text.raw, "es" if text.language == "es" else "en")
