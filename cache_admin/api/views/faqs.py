"""Curated answers of a tenant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema

from cache_admin.api.access import actor_of
from cache_admin.api.openapi import CREATE, EDIT, IF_MATCH, PAGING, REVISION, page_schema
from cache_admin.api.pagination import page_of
from cache_admin.api.preconditions import expected_version, merged, version_read
from cache_admin.api.responses import deleted, paged, shown, written
from cache_admin.api.serializers.faqs import FaqSerializer
from cache_admin.api.views.base import TenantView, parsed, person_named
from cache_admin.models import Faq, Role
from cache_admin.services.faqs import FaqSpec, create_faq, delete_faq, spec_of, update_faq

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

    from cache_admin.querysets import TenantOwnedQuerySet


class FaqView(TenantView):
    write_role = Role.CURATOR

    def faqs(self) -> TenantOwnedQuerySet[Faq]:
        faqs = Faq.objects.for_tenant(self.tenant)
        return faqs.select_related("owner").prefetch_related("phrases")

    def values_of(self, serializer: FaqSerializer) -> dict[str, Any]:
        values = parsed(serializer)
        if "owner" in values:
            values["owner"] = person_named(values["owner"], tenant=self.tenant)
        return values


class FaqList(FaqView):
    @extend_schema(
        operation_id="faqs_list", parameters=PAGING, responses=page_schema(FaqSerializer)
    )
    def get(self, request: Request, slug: str) -> Response:
        """The tenant's curated answers, oldest first."""
        return paged(page_of(self.faqs(), request, by="id"), FaqSerializer)

    @extend_schema(
        operation_id="faqs_create",
        parameters=CREATE,
        request=FaqSerializer,
        responses={201: FaqSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Add a curated answer. 409 when one of its phrases is answered by another."""
        spec = FaqSpec(**self.values_of(FaqSerializer(data=request.data)))
        faq = create_faq(tenant=self.tenant, actor=actor_of(request), spec=spec)
        return written(faq, FaqSerializer, status=201)


class FaqDetail(FaqView):
    @extend_schema(operation_id="faqs_retrieve", responses=FaqSerializer)
    def get(self, request: Request, slug: str, uid: str) -> Response:
        """One curated answer."""
        return shown(get_object_or_404(self.faqs(), uid=uid), FaqSerializer)

    @extend_schema(
        operation_id="faqs_replace",
        parameters=EDIT,
        request=FaqSerializer,
        responses=FaqSerializer,
    )
    def put(self, request: Request, slug: str, uid: str) -> Response:
        """Replace a curated answer; what is left out takes its default."""
        faq = get_object_or_404(self.faqs(), uid=uid)
        expected = expected_version(request, faq)
        spec = FaqSpec(**self.values_of(FaqSerializer(faq, data=request.data)))
        return self._saved(request, faq, spec=spec, expected=expected)

    @extend_schema(
        operation_id="faqs_update",
        parameters=EDIT,
        request=FaqSerializer,
        responses=FaqSerializer,
    )
    def patch(self, request: Request, slug: str, uid: str) -> Response:
        """Change some of a curated answer."""
        return merged(request, lambda: self._patched(request, uid))

    @extend_schema(
        operation_id="faqs_delete", parameters=[IF_MATCH, REVISION], responses={204: None}
    )
    def delete(self, request: Request, slug: str, uid: str) -> Response:
        """Delete a curated answer."""
        faq = get_object_or_404(self.faqs(), uid=uid)
        expected = expected_version(request, faq)
        delete_faq(faq=faq, actor=actor_of(request), expected_version=expected)
        return deleted()

    def _patched(self, request: Request, uid: str) -> Response:
        faq = get_object_or_404(self.faqs(), uid=uid)
        expected = version_read(request, faq)
        changes = self.values_of(FaqSerializer(faq, data=request.data, partial=True))
        spec = replace(spec_of(faq), **changes)
        return self._saved(request, faq, spec=spec, expected=expected)

    def _saved(
        self, request: Request, faq: Faq, *, spec: FaqSpec, expected: int | None
    ) -> Response:
        saved = update_faq(faq=faq, actor=actor_of(request), spec=spec, expected_version=expected)
        return written(saved, FaqSerializer)
