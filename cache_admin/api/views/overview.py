"""The figures of a tenant."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from cache_admin.api.serializers.overview import OverviewSerializer, RangeSerializer
from cache_admin.api.views.base import TenantView, parsed
from cache_admin.models import Policy
from cache_admin.selectors.overview import overview
from cache_admin.selectors.splits import current_splits

if TYPE_CHECKING:
    from rest_framework.request import Request

_DEFAULT_RANGE = timedelta(days=1)
_LONGEST_RANGE = timedelta(days=366)


class OverviewView(TenantView):
    @extend_schema(
        operation_id="overview", parameters=[RangeSerializer], responses=OverviewSerializer
    )
    def get(self, request: Request, slug: str) -> Response:
        """Calls, hits by layer, cost and cost avoided, in all and by the hour.

        `splits` are the policies that no hit is possible under now, whatever the range.
        """
        asked = parsed(RangeSerializer(data=request.query_params.dict()))
        until = asked.get("until", timezone.now())
        since = asked.get("since", until - _DEFAULT_RANGE)
        if not timedelta(0) < until - since <= _LONGEST_RANGE:
            raise ValidationError({"since": _("Must be before `until`, by 366 days at most.")})
        figures = overview(tenant=self.tenant, since=since, until=until)
        splits = current_splits(self.tenant, policies=Policy.objects.for_tenant(self.tenant))
        return Response(OverviewSerializer(figures, context={"splits": splits}).data)
