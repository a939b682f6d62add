"""What must never be taken for one: pairs of questions, and the lexicon."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from cache_admin.console.editing import Kind, create_page, delete_page, edit_page, item_here
from cache_admin.console.forms.matching import (
    LexiconForm,
    PairFilterForm,
    PairForm,
    lexicon_values,
    pair_values,
)
from cache_admin.console.saving import save
from cache_admin.console.workspace import ConsoleRequest, Workspace, show, tenant_page
from cache_admin.models import NeverMergePair, Role
from cache_admin.selectors.pairs import pairs_found
from cache_admin.services.matching import (
    create_pair,
    delete_pair,
    lexicon_of,
    update_lexicon,
    update_pair,
)

_KIND = Kind("pair", "matching", _("Pair created."), _("Pair saved."), _("Pair deleted."))
_PAGE_SIZE = 50


@tenant_page()
def pairs(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """The pairs found, a page at a time; only the results when htmx asks."""
    form = PairFilterForm(request.GET)
    text = form.text()
    found = pairs_found(tenant=workspace.tenant, text=text)
    page = Paginator(found, _PAGE_SIZE).get_page(request.GET.get("page"))
    kept = request.GET.copy()
    kept.pop("page", None)
    template = "results" if request.htmx else "list"
    return show(
        request,
        workspace,
        f"console/matching/{template}.html",
        form=form,
        page=page,
        searched=bool(text),
        kept=kept.urlencode(),
    )


@tenant_page(role=Role.CURATOR, methods=("GET", "POST"))
def pair_new(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Keep two questions apart."""
    form = PairForm(request.POST or None, initial={"enabled": True})
    return create_page(
        request,
        workspace,
        _KIND,
        form=form,
        create=lambda: create_pair(
            tenant=workspace.tenant, actor=workspace.actor, spec=form.spec()
        ),
    )


@tenant_page(role_to_post=Role.CURATOR, methods=("GET", "POST"))
def pair_edit(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Look at a pair and, with the right, change it."""
    pair = item_here(request, workspace, NeverMergePair.objects.all(), uid=uid)
    form = PairForm(request.POST or None, initial=pair_values(pair) if pair else {})
    return edit_page(
        request,
        workspace,
        _KIND,
        item=pair,
        form=form,
        update=lambda item: update_pair(
            pair=item,
            actor=workspace.actor,
            spec=form.spec(),
            expected_version=form.expected_version,
        ),
    )


@tenant_page(role=Role.CURATOR, methods=("GET", "POST"))
def pair_delete(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Ask, then let two questions merge again."""
    return delete_page(
        request,
        workspace,
        _KIND,
        item=item_here(request, workspace, NeverMergePair.objects.all(), uid=uid),
        delete=lambda item, version: delete_pair(
            pair=item, actor=workspace.actor, expected_version=version
        ),
    )


@tenant_page(role_to_post=Role.CURATOR, methods=("GET", "POST"))
def lexicon(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """The tenant's own words for the guards."""
    form = LexiconForm(request.POST or None, initial=lexicon_values(lexicon_of(workspace.tenant)))
    if request.method == "POST" and form.is_valid():
        saved = save(
            request,
            workspace,
            form=form,
            change=lambda: update_lexicon(
                tenant=workspace.tenant,
                actor=workspace.actor,
                spec=form.spec(),
                expected_version=form.expected_version,
            ),
            done=str(_("Lexicon saved.")),
        )
        if saved is not None:
            return redirect("console:lexicon", workspace.tenant.slug)
    return show(request, workspace, "console/matching/lexicon.html", form=form)
