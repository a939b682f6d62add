"""Policies: list, create, edit, delete."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext_lazy as _

from cache_admin.console.editing import Kind, create_page, delete_page, edit_page, item_here
from cache_admin.console.forms.policies import PolicyForm, new_policy_values, policy_values
from cache_admin.console.saving import save
from cache_admin.console.workspace import ConsoleRequest, Workspace, show, tenant_page
from cache_admin.models import Policy, Role
from cache_admin.selectors.splits import Split, current_splits
from cache_admin.services.policies import (
    create_policy,
    delete_policy,
    forget_learned_check,
    update_policy,
)

_KIND = Kind("policy", "policies", _("Policy created."), _("Policy saved."), _("Policy deleted."))


@tenant_page()
def policies(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Every policy, in the order in which they are tried."""
    rows = list(Policy.objects.for_tenant(workspace.tenant).prefetch_related("documents"))
    splits = current_splits(workspace.tenant, policies=rows)
    return show(request, workspace, "console/policies/list.html", policies=rows, splits=splits)


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def policy_new(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Create a policy."""
    form = PolicyForm(request.POST or None, initial=new_policy_values(), tenant=workspace.tenant)
    return create_page(
        request,
        workspace,
        _KIND,
        form=form,
        create=lambda: create_policy(
            tenant=workspace.tenant, actor=workspace.actor, spec=form.spec()
        ),
    )


@tenant_page(role_to_post=Role.OPERATOR, methods=("GET", "POST"))
def policy_edit(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Look at a policy and, with the right, change it."""
    policy = item_here(request, workspace, Policy.objects.all(), uid=uid)
    stored = policy_values(policy) if policy else {}
    form = PolicyForm(request.POST or None, initial=stored, tenant=workspace.tenant)
    return edit_page(
        request,
        workspace,
        _KIND,
        item=policy,
        form=form,
        update=lambda item: update_policy(
            policy=item,
            actor=workspace.actor,
            spec=form.spec(),
            expected_version=form.expected_version,
        ),
        splits=_splits(request, workspace, policy),
    )


def _splits(
    request: ConsoleRequest, workspace: Workspace, policy: Policy | None
) -> tuple[Split, ...]:
    # A form that comes back is about what was typed.
    if policy is None or request.method == "POST":
        return ()
    return current_splits(workspace.tenant, policies=[policy])


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def policy_delete(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Ask, then delete a policy."""
    return delete_page(
        request,
        workspace,
        _KIND,
        item=item_here(request, workspace, Policy.objects.all(), uid=uid),
        delete=lambda item, version: delete_policy(
            policy=item, actor=workspace.actor, expected_version=version
        ),
    )


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def policy_forget(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Ask, then forget what the policy has learned."""
    policy = get_object_or_404(Policy.objects.for_tenant(workspace.tenant), uid=uid)
    if request.method == "POST":
        save(
            request,
            workspace,
            change=lambda: forget_learned_check(policy=policy, actor=workspace.actor),
            done=str(_("The learned check is forgotten.")),
        )
        return redirect("console:policy", workspace.tenant.slug, uid)
    return show(request, workspace, "console/policies/forget.html", policy=policy)
