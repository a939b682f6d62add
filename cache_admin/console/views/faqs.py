"""Curated answers: list with search, create, edit, delete."""

from __future__ import annotations

from dataclasses import asdict

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from cache_admin.console.forms.faqs import FaqFilterForm, FaqForm, faq_values
from cache_admin.console.saving import save
from cache_admin.console.workspace import ConsoleRequest, Workspace, show, tenant_page
from cache_admin.models import Faq, Role
from cache_admin.selectors.faq_search import faqs_found
from cache_admin.services.faqs import create_faq, delete_faq, update_faq

_PAGE_SIZE = 50


@tenant_page()
def faqs(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """The answers found, a page at a time; only the results when htmx asks."""
    form = FaqFilterForm(request.GET, tenant=workspace.tenant)
    found = faqs_found(tenant=workspace.tenant, **asdict(form.filter()))
    page = Paginator(found, _PAGE_SIZE).get_page(request.GET.get("page"))
    kept = request.GET.copy()
    kept.pop("page", None)
    template = "results" if request.htmx else "list"
    return show(
        request,
        workspace,
        f"console/faqs/{template}.html",
        form=form,
        page=page,
        searched=bool(kept.urlencode()),
        kept=kept.urlencode(),
    )


@tenant_page(role=Role.CURATOR, methods=("GET", "POST"))
def faq_new(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Write an answer."""
    initial = {"language": workspace.tenant.language, "enabled": True}
    form = FaqForm(request.POST or None, initial=initial, tenant=workspace.tenant)
    if request.method == "POST" and form.is_valid():
        faq = save(
            request,
            workspace,
            form=form,
            change=lambda: create_faq(
                tenant=workspace.tenant, actor=workspace.actor, spec=form.spec()
            ),
            done=_("FAQ created."),
        )
        if faq is not None:
            return redirect("console:faqs", workspace.tenant.slug)
    return show(request, workspace, "console/faqs/form.html", form=form, faq=None)


@tenant_page(role_to_post=Role.CURATOR, methods=("GET", "POST"))
def faq_edit(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Look at an answer and, with the right, change it."""
    faq = get_object_or_404(Faq.objects.for_tenant(workspace.tenant), uid=uid)
    form = FaqForm(request.POST or None, initial=faq_values(faq), tenant=workspace.tenant)
    if request.method == "POST" and form.is_valid():
        saved = save(
            request,
            workspace,
            form=form,
            change=lambda: update_faq(
                faq=faq,
                actor=workspace.actor,
                spec=form.spec(),
                expected_version=form.expected_version,
            ),
            done=_("FAQ saved."),
        )
        if saved is not None:
            return redirect("console:faqs", workspace.tenant.slug)
    return show(request, workspace, "console/faqs/form.html", form=form, faq=faq)


@tenant_page(role=Role.CURATOR, methods=("GET", "POST"))
def faq_delete(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Ask, then delete an answer."""
    faq = get_object_or_404(Faq.objects.for_tenant(workspace.tenant), uid=uid)
    if request.method == "POST":
        save(
            request,
            workspace,
            change=lambda: delete_faq(faq=faq, actor=workspace.actor),
            done=_("FAQ deleted."),
        )
        return redirect("console:faqs", workspace.tenant.slug)
    return show(request, workspace, "console/faqs/delete.html", faq=faq)
