"""Removing stored answers by hand, their receipts, and limits."""

from __future__ import annotations

from collections.abc import Callable

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from cache_admin.console.forms.invalidations import InvalidationForm, LimitsForm, NoteForm
from cache_admin.console.saving import save
from cache_admin.console.workspace import ConsoleRequest, Workspace, show, tenant_page
from cache_admin.errors import DomainError
from cache_admin.models import Invalidation, InvalidationState, Policy, Role
from cache_admin.selectors.stored import (
    policy_preview,
    removal_preview,
    stored_size,
    tenant_preview,
)
from cache_admin.services.invalidations import (
    check_invalidation,
    clear_policy,
    clear_tenant,
    request_invalidation,
    target_of,
)
from cache_admin.services.limits import limits_of, update_limits

_PAGE_SIZE = 25
_OPEN = (InvalidationState.PENDING, InvalidationState.RUNNING)


@tenant_page()
def invalidations(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """What was asked to go, newest first; only the table when htmx asks."""
    rows = Invalidation.objects.for_tenant(workspace.tenant)
    page = Paginator(rows, _PAGE_SIZE).get_page(request.GET.get("page"))
    template = "results" if request.htmx else "list"
    return show(
        request,
        workspace,
        f"console/invalidations/{template}.html",
        page=page,
        any_open=any(row.state in _OPEN for row in page),
    )


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def invalidation_new(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Ask what is to go, show how much that is, then have it removed."""
    form = InvalidationForm(request.POST or None, initial=request.GET.dict())
    if request.method == "POST" and form.is_valid() and _makes_sense(workspace, form):
        if not form.cleaned_data["confirmed"]:
            return _confirmation(request, workspace, form)
        return _ask(
            request,
            workspace,
            lambda: request_invalidation(
                tenant=workspace.tenant, actor=workspace.actor, spec=form.spec()
            ),
        )
    return show(request, workspace, "console/invalidations/new.html", form=form)


@tenant_page()
def invalidation(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """How far a removal is, and its receipt; only these when htmx asks."""
    row = get_object_or_404(Invalidation.objects.for_tenant(workspace.tenant), uid=uid)
    template = "receipt" if request.htmx else "detail"
    return show(
        request,
        workspace,
        f"console/invalidations/{template}.html",
        row=row,
        is_open=row.state in _OPEN,
    )


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def policy_clear(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Show what clearing a policy retires, then clear it."""
    policy = get_object_or_404(Policy.objects.for_tenant(workspace.tenant), uid=uid)
    form = NoteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        note = form.cleaned_data["note"]
        return _ask(
            request,
            workspace,
            lambda: clear_policy(policy=policy, actor=workspace.actor, note=note),
        )
    preview = policy_preview(policy)
    template = "console/policies/clear.html"
    return show(request, workspace, template, form=form, policy=policy, preview=preview)


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def tenant_clear(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Show what clearing the tenant retires, then clear it."""
    form = NoteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        note = form.cleaned_data["note"]
        return _ask(
            request,
            workspace,
            lambda: clear_tenant(tenant=workspace.tenant, actor=workspace.actor, note=note),
        )
    preview = tenant_preview(workspace.tenant)
    template = "console/invalidations/clear.html"
    return show(request, workspace, template, form=form, preview=preview)


@tenant_page(role_to_post=Role.OPERATOR, methods=("GET", "POST"))
def limits(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """How much the tenant keeps and may keep."""
    form = LimitsForm(request.POST or None, stored=limits_of(workspace.tenant))
    if request.method == "POST" and form.is_valid():
        saved = save(
            request,
            workspace,
            form=form,
            change=lambda: update_limits(
                tenant=workspace.tenant,
                actor=workspace.actor,
                spec=form.spec(),
                expected_version=form.expected_version,
            ),
            done=_("Limits saved."),
        )
        if saved is not None:
            return redirect("console:limits", workspace.tenant.slug)
    size = stored_size(workspace.tenant)
    return show(request, workspace, "console/invalidations/limits.html", form=form, size=size)


def _makes_sense(workspace: Workspace, form: InvalidationForm) -> bool:
    try:
        check_invalidation(tenant=workspace.tenant, spec=form.spec())
    except DomainError as error:
        form.add_domain_error(error)
        return False
    return True


def _confirmation(
    request: ConsoleRequest, workspace: Workspace, form: InvalidationForm
) -> HttpResponse:
    spec = form.spec()
    preview = removal_preview(workspace.tenant, kind=spec.kind, target=target_of(spec))
    template = "console/invalidations/confirm.html"
    return show(request, workspace, template, form=form, preview=preview)


def _ask(
    request: ConsoleRequest, workspace: Workspace, change: Callable[[], Invalidation]
) -> HttpResponse:
    """Have it removed, and go to its receipt."""
    row = save(request, workspace, change=change, done=_("The removal is under way."))
    if row is None:
        return redirect("console:invalidations", workspace.tenant.slug)
    return redirect("console:invalidation", workspace.tenant.slug, row.uid)
