"""Policies of a tenant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema

from cache_admin.api.access import actor_of
from cache_admin.api.openapi import CREATE, EDIT, IF_MATCH, PAGING, REVISION, page_schema
from cache_admin.api.pagination import page_of
from cache_admin.api.preconditions import expected_version, merged, version_read
from cache_admin.api.responses import deleted, paged, shown, written
from cache_admin.api.serializers.policies import PolicySerializer
from cache_admin.api.views.base import TenantView, nested_faults, parsed
from cache_admin.models import Policy, Role
from cache_admin.services.policies import (
    PolicySpec,
    create_policy,
    delete_policy,
    spec_of,
    update_policy,
)

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

    from cache_admin.querysets import TenantOwnedQuerySet


class PolicyView(TenantView):
    write_role = Role.OPERATOR

    def policies(self) -> TenantOwnedQuerySet[Policy]:
        return Policy.objects.for_tenant(self.tenant).prefetch_related("documents")


class PolicyList(PolicyView):
    @extend_schema(
        operation_id="policies_list", parameters=PAGING, responses=page_schema(PolicySerializer)
    )
    def get(self, request: Request, slug: str) -> Response:
        """The tenant's policies, by name."""
        return paged(page_of(self.policies(), request, by="name"), PolicySerializer)

    @extend_schema(
        operation_id="policies_create",
        parameters=CREATE,
        request=PolicySerializer,
        responses={201: PolicySerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Create a policy."""
        spec = PolicySpec(**parsed(PolicySerializer(data=request.data)))
        with nested_faults("context", "store"):
            policy = create_policy(tenant=self.tenant, actor=actor_of(request), spec=spec)
        return written(policy, PolicySerializer, status=201)


class PolicyDetail(PolicyView):
    @extend_schema(operation_id="policies_retrieve", responses=PolicySerializer)
    def get(self, request: Request, slug: str, uid: str) -> Response:
        """One policy."""
        return shown(get_object_or_404(self.policies(), uid=uid), PolicySerializer)

    @extend_schema(
        operation_id="policies_replace",
        parameters=EDIT,
        request=PolicySerializer,
        responses=PolicySerializer,
    )
    def put(self, request: Request, slug: str, uid: str) -> Response:
        """Replace a policy; what is left out takes its default."""
        policy = get_object_or_404(self.policies(), uid=uid)
        expected = expected_version(request, policy)
        spec = PolicySpec(**parsed(PolicySerializer(policy, data=request.data)))
        return self._saved(request, policy, spec=spec, expected=expected)

    @extend_schema(
        operation_id="policies_update",
        parameters=EDIT,
        request=PolicySerializer,
        responses=PolicySerializer,
    )
    def patch(self, request: Request, slug: str, uid: str) -> Response:
        """Change some of a policy."""
        return merged(request, lambda: self._patched(request, uid))

    @extend_schema(
        operation_id="policies_delete", parameters=[IF_MATCH, REVISION], responses={204: None}
    )
    def delete(self, request: Request, slug: str, uid: str) -> Response:
        """Delete a policy."""
        policy = get_object_or_404(self.policies(), uid=uid)
        expected = expected_version(request, policy)
        delete_policy(policy=policy, actor=actor_of(request), expected_version=expected)
        return deleted()

    def _patched(self, request: Request, uid: str) -> Response:
        policy = get_object_or_404(self.policies(), uid=uid)
        expected = version_read(request, policy)
        changes = parsed(PolicySerializer(policy, data=request.data, partial=True))
        spec = replace(spec_of(policy), **changes)
        return self._saved(request, policy, spec=spec, expected=expected)

    def _saved(
        self, request: Request, policy: Policy, *, spec: PolicySpec, expected: int | None
    ) -> Response:
        with nested_faults("context", "store"):
            saved = update_policy(
                policy=policy, actor=actor_of(request), spec=spec, expected_version=expected
            )
        return written(saved, PolicySerializer)
