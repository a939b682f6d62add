"""Event rules and what signs events, and a tenant's limits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from cache_admin.api.access import actor_of
from cache_admin.api.openapi import CREATE, EDIT, IF_MATCH, PAGING, REVISION, page_schema
from cache_admin.api.pagination import page_of
from cache_admin.api.preconditions import expected_version, merged, version_read
from cache_admin.api.responses import deleted, paged, revision_header, shown, written
from cache_admin.api.serializers.upkeep import (
    CreatedEventSecretSerializer,
    EventRuleSerializer,
    EventSecretSerializer,
    LimitsSerializer,
)
from cache_admin.api.views.base import TenantView, parsed
from cache_admin.models import EventRule, EventSecret, Role
from cache_admin.services.events import (
    EventRuleSpec,
    add_event_secret,
    create_event_rule,
    delete_event_rule,
    event_rule_spec_of,
    update_event_rule,
    withdraw_event_secret,
)
from cache_admin.services.limits import LimitsSpec, limits_of, limits_spec_of, update_limits

if TYPE_CHECKING:
    from rest_framework.request import Request


class EventRuleView(TenantView):
    write_role = Role.OPERATOR

    def rule(self, uid: str) -> EventRule:
        return get_object_or_404(EventRule.objects.for_tenant(self.tenant), uid=uid)


class EventRuleList(EventRuleView):
    @extend_schema(
        operation_id="event_rules_list",
        parameters=PAGING,
        responses=page_schema(EventRuleSerializer),
    )
    def get(self, request: Request, slug: str) -> Response:
        """The rules by which events drop answers, oldest first."""
        rules = EventRule.objects.for_tenant(self.tenant)
        return paged(page_of(rules, request, by="id"), EventRuleSerializer)

    @extend_schema(
        operation_id="event_rules_create",
        parameters=CREATE,
        request=EventRuleSerializer,
        responses={201: EventRuleSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Have an event drop what carries a tag."""
        spec = EventRuleSpec(**parsed(EventRuleSerializer(data=request.data)))
        rule = create_event_rule(tenant=self.tenant, actor=actor_of(request), spec=spec)
        return written(rule, EventRuleSerializer, status=201)


class EventRuleDetail(EventRuleView):
    @extend_schema(operation_id="event_rules_retrieve", responses=EventRuleSerializer)
    def get(self, request: Request, slug: str, uid: str) -> Response:
        """One rule."""
        return shown(self.rule(uid), EventRuleSerializer)

    @extend_schema(
        operation_id="event_rules_replace",
        parameters=EDIT,
        request=EventRuleSerializer,
        responses=EventRuleSerializer,
    )
    def put(self, request: Request, slug: str, uid: str) -> Response:
        """Replace a rule; what is left out takes its default."""
        rule = self.rule(uid)
        expected = expected_version(request, rule)
        spec = EventRuleSpec(**parsed(EventRuleSerializer(rule, data=request.data)))
        return self._saved(request, rule, spec=spec, expected=expected)

    @extend_schema(
        operation_id="event_rules_update",
        parameters=EDIT,
        request=EventRuleSerializer,
        responses=EventRuleSerializer,
    )
    def patch(self, request: Request, slug: str, uid: str) -> Response:
        """Change some of a rule."""
        return merged(request, lambda: self._patched(request, uid))

    @extend_schema(
        operation_id="event_rules_delete", parameters=[IF_MATCH, REVISION], responses={204: None}
    )
    def delete(self, request: Request, slug: str, uid: str) -> Response:
        """Delete a rule."""
        rule = self.rule(uid)
        expected = expected_version(request, rule)
        delete_event_rule(rule=rule, actor=actor_of(request), expected_version=expected)
        return deleted()

    def _patched(self, request: Request, uid: str) -> Response:
        rule = self.rule(uid)
        expected = version_read(request, rule)
        changes = parsed(EventRuleSerializer(rule, data=request.data, partial=True))
        spec = replace(event_rule_spec_of(rule), **changes)
        return self._saved(request, rule, spec=spec, expected=expected)

    def _saved(
        self, request: Request, rule: EventRule, *, spec: EventRuleSpec, expected: int | None
    ) -> Response:
        actor = actor_of(request)
        saved = update_event_rule(rule=rule, actor=actor, spec=spec, expected_version=expected)
        return written(saved, EventRuleSerializer)


class EventSecretList(TenantView):
    write_role = Role.OPERATOR

    @extend_schema(
        operation_id="event_secrets_list",
        parameters=PAGING,
        responses=page_schema(EventSecretSerializer),
    )
    def get(self, request: Request, slug: str) -> Response:
        """The secrets in force, oldest first; two while one replaces the other."""
        secrets = EventSecret.objects.for_tenant(self.tenant).select_related("created_by")
        return paged(page_of(secrets, request, by="id"), EventSecretSerializer)

    @extend_schema(
        operation_id="event_secrets_create",
        parameters=[REVISION],
        request=None,
        responses={201: CreatedEventSecretSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Make a secret. Its text is in this answer and nowhere else."""
        made = add_event_secret(tenant=self.tenant, actor=actor_of(request))
        data = {**EventSecretSerializer(made.secret).data, "text": made.text}
        headers = {**revision_header(), "Cache-Control": "no-store"}
        return Response(data, status=201, headers=headers)


class EventSecretDetail(TenantView):
    write_role = Role.OPERATOR

    @extend_schema(
        operation_id="event_secrets_withdraw", parameters=[REVISION], responses={204: None}
    )
    def delete(self, request: Request, slug: str, uid: str) -> Response:
        """Withdraw a secret: what it signs is no longer believed."""
        secret = get_object_or_404(EventSecret.objects.for_tenant(self.tenant), uid=uid)
        withdraw_event_secret(secret=secret, actor=actor_of(request))
        return deleted()


class LimitsDetail(TenantView):
    write_role = Role.OPERATOR

    @extend_schema(operation_id="limits_retrieve", responses=LimitsSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """How much the tenant may keep."""
        return shown(limits_of(self.tenant), LimitsSerializer)

    @extend_schema(
        operation_id="limits_replace",
        parameters=EDIT,
        request=LimitsSerializer,
        responses=LimitsSerializer,
    )
    def put(self, request: Request, slug: str) -> Response:
        """Replace the limits; what is left out takes its default."""
        limits = limits_of(self.tenant)
        expected = expected_version(request, limits)
        spec = LimitsSpec(**parsed(LimitsSerializer(limits, data=request.data)))
        return self._saved(request, spec, expected=expected)

    @extend_schema(
        operation_id="limits_update",
        parameters=EDIT,
        request=LimitsSerializer,
        responses=LimitsSerializer,
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change some of the limits."""
        return merged(request, lambda: self._patched(request))

    def _patched(self, request: Request) -> Response:
        limits = limits_of(self.tenant)
        expected = version_read(request, limits)
        changes = parsed(LimitsSerializer(limits, data=request.data, partial=True))
        spec = replace(limits_spec_of(limits), **changes)
        return self._saved(request, spec, expected=expected)

    def _saved(self, request: Request, spec: LimitsSpec, *, expected: int | None) -> Response:
        saved = update_limits(
            tenant=self.tenant, actor=actor_of(request), spec=spec, expected_version=expected
        )
        return written(saved, LimitsSerializer)
