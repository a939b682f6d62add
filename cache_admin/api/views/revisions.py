"""Revisions that concern a tenant, rolling back to one, and the runtimes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from cache_admin.api.access import actor_of
from cache_admin.api.openapi import PAGING, REVISION, page_schema
from cache_admin.api.pagination import Page, number_position, page_from, page_size
from cache_admin.api.responses import paged
from cache_admin.api.serializers.revisions import (
    RevisionDetailSerializer,
    RevisionSerializer,
    RollbackInputSerializer,
    RuntimeSerializer,
)
from cache_admin.api.views.base import TenantView, parsed
from cache_admin.models import Role
from cache_admin.selectors.revisions import RevisionWithDiff, revision_for, revisions_for, runtimes
from cache_admin.services.revisions import rollback

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from rest_framework.request import Request


class RevisionView(TenantView):
    write_role = Role.OPERATOR

    def person(self, request: Request) -> User:
        # A key's anonymous user will do: it is no superuser, which is all the selectors ask.
        return cast("User", request.user)

    def revision(self, request: Request, number: int) -> RevisionWithDiff:
        row = revision_for(self.tenant, self.person(request), number=number)
        if row is None:
            raise Http404
        return row


class RevisionList(RevisionView):
    @extend_schema(
        operation_id="revisions_list", parameters=PAGING, responses=page_schema(RevisionSerializer)
    )
    def get(self, request: Request, slug: str) -> Response:
        """The revisions that concern the tenant, newest first."""
        size, before = page_size(request), number_position(request)
        found = revisions_for(self.tenant, self.person(request), before=before, limit=size + 1)
        page = page_from(found, request, size=size, position_of=lambda row: row.revision.number)
        return paged(page, RevisionSerializer)


class RevisionDetail(RevisionView):
    @extend_schema(operation_id="revisions_retrieve", responses=RevisionDetailSerializer)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """One revision: what it changed for this tenant, and which runtime obeys it since when."""
        return Response(RevisionDetailSerializer(self.revision(request, number)).data)


class RevisionRollback(RevisionView):
    @extend_schema(
        operation_id="revisions_rollback",
        parameters=[REVISION],
        request=RollbackInputSerializer,
        responses={201: RevisionDetailSerializer},
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Bring this tenant's part of an old revision back, as a new revision."""
        old = self.revision(request, number).revision
        note = parsed(RollbackInputSerializer(data=request.data))["note"]
        written = rollback(revision=old, actor=actor_of(request), tenant=self.tenant, note=note)
        data = RevisionDetailSerializer(self.revision(request, written.number)).data
        return Response(data, status=201, headers={"X-Revision": str(written.number)})


class RuntimeList(TenantView):
    @extend_schema(operation_id="runtimes_list", responses=page_schema(RuntimeSerializer))
    def get(self, request: Request, slug: str) -> Response:
        """The runtimes heard of within the last day, all on one page."""
        return paged(Page(runtimes(self.tenant), None), RuntimeSerializer)
