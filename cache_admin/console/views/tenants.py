"""Tenants: list, create, settings."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from cache_admin.console.forms.tenants import NewTenantForm, TenantForm, tenant_values
from cache_admin.console.saving import save
from cache_admin.console.workspace import (
    ConsoleRequest,
    Workspace,
    login_page,
    show,
    tenant_page,
)
from cache_admin.errors import DomainError
from cache_admin.models import Role, Tenant
from cache_admin.selectors.embedding import embedding_of
from cache_admin.services.actor import Actor
from cache_admin.services.tenants import create_tenant, update_tenant

_PAGE_SIZE = 50


@login_page()
def tenants(request: ConsoleRequest) -> HttpResponse:
    """The tenants the person works in."""
    visible = Tenant.objects.visible_to(request.user)
    page = Paginator(visible, _PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "console/tenants/list.html", {"page": page})


@login_page(methods=("GET", "POST"))
def tenant_new(request: ConsoleRequest) -> HttpResponse:
    """Create a tenant with the ready policies."""
    if not request.user.is_superuser:
        raise PermissionDenied
    form = NewTenantForm(request.POST or None, initial={"language": "en"})
    if request.method == "POST" and form.is_valid():
        try:
            tenant = create_tenant(actor=Actor.of(request.user), **form.cleaned_data)
        except DomainError as error:
            form.add_domain_error(error)
        else:
            messages.success(request, _("Tenant created, with five policies to start from."))
            return redirect("console:overview", tenant.slug)
    return render(request, "console/tenants/new.html", {"form": form})


@tenant_page(role_to_post=Role.OWNER, methods=("GET", "POST"))
def settings(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """The tenant's own settings and its members."""
    tenant = workspace.tenant
    form = TenantForm(request.POST or None, initial=tenant_values(tenant))
    if request.method == "POST" and form.is_valid():
        saved = save(
            request,
            workspace,
            form=form,
            change=lambda: update_tenant(
                tenant=tenant,
                actor=workspace.actor,
                name=form.cleaned_data["name"],
                language=form.cleaned_data["language"],
                enabled=form.cleaned_data["enabled"],
                embedding_model=form.cleaned_data["chosen_model"],
                expected_version=form.expected_version,
            ),
            done=_("Settings saved."),
        )
        if saved is not None:
            return redirect("console:settings", tenant.slug)
    members = tenant.memberships.select_related("user").order_by("user__username")
    state = embedding_of(tenant)
    return show(
        request,
        workspace,
        "console/settings/page.html",
        form=form,
        members=members,
        embedding=state,
    )


@tenant_page()
def embedding(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Where the tenant's model is ready and how far its answers have been moved; asked for again
    by the settings page, of which it is a part."""
    if not request.htmx:
        return redirect("console:settings", workspace.tenant.slug)
    state = embedding_of(workspace.tenant)
    return show(request, workspace, "console/settings/embedding.html", embedding=state)
