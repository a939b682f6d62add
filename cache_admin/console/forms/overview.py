"""Which span of time an overview shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Range:
    """A span that ends now. `name` stands in the URL; `daily` when hours would be too fine."""

    name: str
    length: timedelta
    label: str | Promise
    daily: bool = False


RANGES = (
    Range("1h", timedelta(hours=1), _("1 hour")),
    Range("24h", timedelta(hours=24), _("24 hours")),
    Range("7d", timedelta(days=7), _("7 days")),
    Range("30d", timedelta(days=30), _("30 days"), daily=True),
)
_DEFAULT = RANGES[1]


def chosen_range(query: QueryDict) -> Range:
    """The span that the URL names, else the last 24 hours."""
    return next((item for item in RANGES if item.name == query.get("range")), _DEFAULT)
