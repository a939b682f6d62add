"""Keys of a tenant: created with their text shown once, and revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from cache_admin.api.access import actor_of
from cache_admin.api.openapi import PAGING, REVISION, page_schema
from cache_admin.api.pagination import page_of
from cache_admin.api.responses import deleted, paged, revision_header
from cache_admin.api.serializers.keys import (
    CreatedKeySerializer,
    KeySerializer,
    NewKeySerializer,
)
from cache_admin.api.views.base import TenantView, parsed
from cache_admin.models import ApiKey, Role
from cache_admin.services.keys import create_key, revoke_key

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


class KeyView(TenantView):
    write_role = Role.OPERATOR

    def keys(self) -> QuerySet[ApiKey]:
        return ApiKey.objects.for_tenant(self.tenant).select_related("created_by")


class KeyList(KeyView):
    @extend_schema(
        operation_id="keys_list", parameters=PAGING, responses=page_schema(KeySerializer)
    )
    def get(self, request: Request, slug: str) -> Response:
        """The tenant's keys, newest first, revoked ones included."""
        return paged(page_of(self.keys(), request, by="id", descending=True), KeySerializer)

    @extend_schema(
        operation_id="keys_create",
        parameters=[REVISION],
        request=NewKeySerializer,
        responses={201: CreatedKeySerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Create a key. Its text is in this answer and nowhere else."""
        values = parsed(NewKeySerializer(data=request.data))
        created = create_key(
            tenant=self.tenant,
            actor=actor_of(request),
            name=values["name"],
            scopes=tuple(values["scopes"]),
            expires_at=values["expires_at"],
        )
        data = {**KeySerializer(created.key).data, "text": created.text}
        headers = {**revision_header(), "Cache-Control": "no-store"}
        return Response(data, status=201, headers=headers)


class KeyDetail(KeyView):
    @extend_schema(operation_id="keys_retrieve", responses=KeySerializer)
    def get(self, request: Request, slug: str, uid: str) -> Response:
        """One key, without its text."""
        return Response(KeySerializer(get_object_or_404(self.keys(), uid=uid)).data)

    @extend_schema(operation_id="keys_revoke", parameters=[REVISION], responses={204: None})
    def delete(self, request: Request, slug: str, uid: str) -> Response:
        """Revoke a key. It stays listed and never opens anything again."""
        revoke_key(key=get_object_or_404(self.keys(), uid=uid), actor=actor_of(request))
        return deleted()
