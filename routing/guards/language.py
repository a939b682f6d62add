"""Veto when question and answer are in different languages."""

from __future__ import annotations

from routing.guards.comparison import Comparison


def language(comparison: Comparison) -> str:
    """The two languages when the stored question or its answer is not in the asked one's."""
    asked = comparison.asked.language
    for stored in (comparison.answer_language, comparison.stored.language):
        if asked and stored and asked != stored:
            return f"{asked} | {stored}"
    return ""
