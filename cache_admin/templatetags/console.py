"""Money, shares, spans and times as people read them, in the language of the page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from cache_admin.models import KeyScope
from cache_admin.money import usd_decimal
from cache_admin.selectors.overview import Overview
from cache_admin.selectors.revisions import Ack
from cache_admin.spans import spoken_span

register = template.Library()


@register.filter
def usd(nanousd: int) -> str:
    """Nano-USD as dollars: two decimals from one dollar on, three significant digits below."""
    amount = usd_decimal(nanousd)
    return _("$%(amount)s") % {"amount": _grouped(amount, places=_usd_places(amount))}


@register.filter
def percent(fraction: float | None) -> str:
    """A fraction as a percentage with one decimal; a dash when there is none."""
    if fraction is None:
        return "—"
    return _("%(share)s%%") % {"share": _grouped(Decimal(str(fraction)) * 100, places=1)}


@register.filter
def count(value: int) -> str:
    """A whole number with the language's digit groups."""
    return number_format(value, force_grouping=True)


@register.filter
def span(seconds: int) -> str:
    """Whole seconds in their two largest units."""
    return spoken_span(seconds)


@register.filter
def plain(value: Decimal) -> str:
    """A decimal with two places, or more where they matter."""
    places = max(2, -int(value.normalize().as_tuple().exponent))
    return number_format(value, decimal_pos=places)


@register.filter
def commas(values: Iterable[Any]) -> str:
    """Items joined by commas."""
    return ", ".join(str(value) for value in values)


@register.filter
def delay(seconds: float) -> str:
    """How long after the save something happened: milliseconds below ten seconds."""
    if seconds < 10:
        return _("after %(number)s ms") % {"number": count(round(seconds * 1000))}
    return _("after %(span)s") % {"span": spoken_span(round(seconds))}


@register.filter
def refused(acks: Iterable[Ack] | None) -> bool:
    """Whether any runtime refused the revision."""
    return any(ack.error for ack in acks or ())


@register.filter
def in_force(acks: Iterable[Ack]) -> list[Ack]:
    """The words of runtimes that took the revision or a later one."""
    return [ack for ack in acks if not ack.error]


@register.filter
def slowest(acks: Iterable[Ack]) -> float | None:
    """Seconds until the last of `acks`; None when none of them tells."""
    told = (ack.seconds_after_save for ack in acks)
    return max((seconds for seconds in told if seconds is not None), default=None)


@register.filter
def within(path: str, slug: str) -> str:
    """A path of the configuration as read by someone who is inside the tenant `slug`."""
    return path.removeprefix(f"tenants/{slug}/")


@register.filter
def diff_value(value: Any) -> str:
    """A configuration value as one reads it in a diff: text plain, the rest as JSON."""
    if value is None:
        return "—"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)


@register.filter
def layer_name(layer: str) -> str:
    """A layer in words."""
    names = {"faq": _("FAQ"), "exact": _("exact"), "semantic": _("semantic")}
    return names.get(layer, _("provider"))


@register.filter
def avoided_share(overview: Overview) -> float | None:
    """The part of the cost that was avoided; None when nothing was at stake."""
    whole = overview.cost_nanousd + overview.avoided_nanousd
    return overview.avoided_nanousd / whole if whole else None


@register.filter
def scope_names(scopes: Iterable[str]) -> str:
    """What a key opens, in words."""
    return "; ".join(str(KeyScope(scope).label) for scope in scopes)


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """How long ago `moment` was, the exact UTC time in the tooltip; a dash when it never was."""
    if moment is None:
        return "—"
    now = timezone.now()
    if abs((now - moment).total_seconds()) < 60:
        text = _("just now")
    elif moment > now:
        text = _("in %(span)s") % {"span": timesince(now, moment, depth=1)}
    else:
        text = _("%(span)s ago") % {"span": timesince(moment, now, depth=1)}
    return _time(moment, text)


@register.filter
def moment(text: str) -> datetime:
    """A time that is kept as ISO 8601 text."""
    return datetime.fromisoformat(text)


@register.filter
def utc(moment: datetime) -> SafeString:
    """`moment` to the minute, in UTC."""
    return _time(moment, f"{moment:%Y-%m-%d %H:%M}")


def _time(moment: datetime, text: str) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        f"{moment:%Y-%m-%d %H:%M:%S} UTC",
        text,
    )


def _grouped(value: Decimal, *, places: int) -> str:
    # number_format cuts digits off instead of rounding.
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    return number_format(rounded, decimal_pos=places, force_grouping=True)


def _usd_places(amount: Decimal) -> int:
    if amount == 0 or abs(amount) >= 1:
        return 2
    # adjusted() is the exponent of the first significant digit: -2 for 0.01.
    return min(9, 2 - amount.adjusted())
