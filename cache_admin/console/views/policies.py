"""Policies: list, create, edit, delete."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from cache_admin.console.forms.policies import PolicyForm, new_policy_values, policy_values
from cache_admin.console.saving import save
from cache_admin.console.workspace import ConsoleRequest, Workspace, show, tenant_page
from cache_admin.models import Policy, Role
from cache_admin.services.policies import create_policy, delete_policy, update_policy


@tenant_page()
def policies(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Every policy, in the order in which they are tried."""
    rows = Policy.objects.for_tenant(workspace.tenant).prefetch_related("documents")
    return show(request, workspace, "console/policies/list.html", policies=rows)


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def policy_new(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Create a policy."""
    form = PolicyForm(request.POST or None, initial=new_policy_values(), tenant=workspace.tenant)
    if request.method == "POST" and form.is_valid():
        policy = save(
            request,
            workspace,
            form=form,
            change=lambda: create_policy(
                tenant=workspace.tenant, actor=workspace.actor, spec=form.spec()
            ),
            done=_("Policy created."),
        )
        if policy is not None:
            return redirect("console:policies", workspace.tenant.slug)
    return show(request, workspace, "console/policies/form.html", form=form, policy=None)


@tenant_page(role_to_post=Role.OPERATOR, methods=("GET", "POST"))
def policy_edit(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Look at a policy and, with the right, change it."""
    policy = get_object_or_404(Policy.objects.for_tenant(workspace.tenant), uid=uid)
    form = PolicyForm(request.POST or None, initial=policy_values(policy), tenant=workspace.tenant)
    if request.method == "POST" and form.is_valid():
        saved = save(
            request,
            workspace,
            form=form,
            change=lambda: update_policy(
                policy=policy,
                actor=workspace.actor,
                spec=form.spec(),
                expected_version=form.expected_version,
            ),
            done=_("Policy saved."),
        )
        if saved is not None:
            return redirect("console:policies", workspace.tenant.slug)
    return show(request, workspace, "console/policies/form.html", form=form, policy=policy)


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def policy_delete(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Ask, then delete a policy."""
    policy = get_object_or_404(Policy.objects.for_tenant(workspace.tenant), uid=uid)
    if request.method == "POST":
        save(
            request,
            workspace,
            change=lambda: delete_policy(policy=policy, actor=workspace.actor),
            done=_("Policy deleted."),
        )
        return redirect("console:policies", workspace.tenant.slug)
    return show(request, workspace, "console/policies/delete.html", policy=policy)
