"""What the cache did: tiles, four charts and their tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from django.utils.formats import get_format
from django.utils.translation import gettext as _

from cache_admin.charts.days import by_day
from cache_admin.charts.overview import (
    ChartWords,
    Figure,
    calls_figure,
    cost_figure,
    hit_rate_figure,
    layers_figure,
)
from cache_admin.console.forms.overview import RANGES, chosen_range
from cache_admin.console.workspace import ConsoleRequest, Workspace, show, tenant_page
from cache_admin.models import Policy
from cache_admin.selectors.overview import HourPoint
from cache_admin.selectors.overview import overview as read_overview
from cache_admin.selectors.splits import Split, current_splits


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with its heading; `table` names the partial that shows the same rows."""

    name: str
    title: str
    figure: Figure

    @property
    def figure_id(self) -> str:
        return f"figure-{self.name}"

    @property
    def table(self) -> str:
        return f"console/overview/table_{self.name}.html"


@tenant_page()
def overview(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """The figures of the chosen span; only they when htmx asks."""
    span, until = chosen_range(request.GET), timezone.now()
    found = read_overview(tenant=workspace.tenant, since=until - span.length, until=until)
    points = by_day(found.hours) if span.daily else found.hours
    return show(
        request,
        workspace,
        f"console/overview/{'figures' if request.htmx else 'page'}.html",
        ranges=RANGES,
        chosen=span,
        overview=found,
        points=points,
        charts=_charts(points),
        gateway_url=settings.GATEWAY_URL,
        splits=() if request.htmx else _splits(workspace),
    )


def _splits(workspace: Workspace) -> tuple[Split, ...]:
    policies = Policy.objects.for_tenant(workspace.tenant)
    return current_splits(workspace.tenant, policies=policies)


def _charts(points: Sequence[HourPoint]) -> list[Chart]:
    words = _words()
    return [
        Chart("calls", _("Calls"), calls_figure(points, words)),
        Chart("layers", _("Hits by layer"), layers_figure(points, words)),
        Chart("rate", _("Hit rate"), hit_rate_figure(points, words)),
        Chart("cost", _("Cost and cost avoided"), cost_figure(points, words)),
    ]


def _words() -> ChartWords:
    return ChartWords(
        from_cache=_("from the cache"),
        from_provider=_("from the provider"),
        faq=_("FAQ"),
        exact=_("exact"),
        semantic=_("semantic"),
        hit_rate=_("hit rate"),
        cost=_("paid"),
        avoided=_("avoided"),
        currency=_("$%(amount)s") % {"amount": ""},
        separators=f"{get_format('DECIMAL_SEPARATOR')}{get_format('THOUSAND_SEPARATOR')}",
    )
