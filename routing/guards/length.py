"""Vetoes when one text says much more than the other, or more than the guards have read."""

from __future__ import annotations

from routing.guards.comparison import Comparison
from routing.guards.text import READ_LIMIT

_SHORT_ENOUGH = 24
_TIMES = 4


def length(comparison: Comparison) -> str:
    """The counts of words ("6 words | 60 words"), "" when they are in proportion.

    Up to 24 words say little more than a question with its circumstances; beyond, one text may
    have four times the words of the other.
    """
    asked, stored = comparison.asked, comparison.stored
    few, many = sorted((len(asked.tokens), len(stored.tokens)))
    unread = len(asked.raw) > READ_LIMIT or len(stored.raw) > READ_LIMIT
    if (unread and asked.raw != stored.raw) or (many > _SHORT_ENOUGH and many > _TIMES * few):
        return f"{len(asked.tokens)} words | {len(stored.tokens)} words"
    return ""
