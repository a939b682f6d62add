"""Curated answers: list with search, create, edit, delete."""

from __future__ import annotations

from dataclasses import asdict

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from cache_admin.console.editing import Kind, create_page, delete_page, edit_page, item_here
from cache_admin.console.forms.faqs import FaqFilter, FaqFilterForm, FaqForm, faq_values
from cache_admin.console.workspace import ConsoleRequest, Workspace, show, tenant_page
from cache_admin.models import Faq, Role
from cache_admin.selectors.faq_search import faqs_found
from cache_admin.services.faqs import create_faq, delete_faq, update_faq

_KIND = Kind("faq", "faqs", _("FAQ created."), _("FAQ saved."), _("FAQ deleted."))
_PAGE_SIZE = 50


@tenant_page()
def faqs(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """The answers found, a page at a time; only the results when htmx asks."""
    form = FaqFilterForm(request.GET, tenant=workspace.tenant)
    wanted = form.filter()
    found = faqs_found(tenant=workspace.tenant, **asdict(wanted))
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
        searched=wanted != FaqFilter(),
        kept=kept.urlencode(),
    )


@tenant_page(role=Role.CURATOR, methods=("GET", "POST"))
def faq_new(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Write an answer."""
    initial = {"language": workspace.tenant.language, "enabled": True}
    form = FaqForm(request.POST or None, initial=initial, tenant=workspace.tenant)
    return create_page(
        request,
        workspace,
        _KIND,
        form=form,
        create=lambda: create_faq(tenant=workspace.tenant, actor=workspace.actor, spec=form.spec()),
    )


@tenant_page(role_to_post=Role.CURATOR, methods=("GET", "POST"))
def faq_edit(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Look at an answer and, with the right, change it."""
    faq = item_here(request, workspace, Faq.objects.all(), uid=uid)
    stored = faq_values(faq) if faq else {}
    form = FaqForm(request.POST or None, initial=stored, tenant=workspace.tenant)
    return edit_page(
        request,
        workspace,
        _KIND,
        item=faq,
        form=form,
        update=lambda item: update_faq(
            faq=item,
            actor=workspace.actor,
            spec=form.spec(),
            expected_version=form.expected_version,
        ),
    )


@tenant_page(role=Role.CURATOR, methods=("GET", "POST"))
def faq_delete(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Ask, then delete an answer."""
    return delete_page(
        request,
        workspace,
        _KIND,
        item=item_here(request, workspace, Faq.objects.all(), uid=uid),
        delete=lambda item, version: delete_faq(
            faq=item, actor=workspace.actor, expected_version=version
        ),
    )
