"""Revisions: list, detail, rollback; and the runtimes that obey them."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from cache_admin.console.forms.revisions import RollbackForm, page_start
from cache_admin.console.saving import save
from cache_admin.console.workspace import ConsoleRequest, Workspace, show, tenant_page
from cache_admin.models import Role
from cache_admin.selectors.revisions import RevisionWithDiff, revision_for, revisions_for, runtimes
from cache_admin.services.revisions import rollback

_PAGE_SIZE = 25


@tenant_page()
def revisions(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """The newest revisions with each runtime's acknowledgement, and the runtimes."""
    before = page_start(request.GET)
    rows = revisions_for(workspace.tenant, request.user, before=before, limit=_PAGE_SIZE + 1)
    known = runtimes(workspace.tenant, user=request.user)
    return show(
        request,
        workspace,
        "console/revisions/list.html",
        rows=rows[:_PAGE_SIZE],
        runtimes=known,
        any_ahead=any(runtime.revisions_ahead for runtime in known),
        first_page=before is None,
        next_before=rows[_PAGE_SIZE - 1].revision.number if len(rows) > _PAGE_SIZE else None,
    )


@tenant_page()
def revision(request: ConsoleRequest, workspace: Workspace, number: int) -> HttpResponse:
    """What a revision changed and who obeys it."""
    row = _row(request, workspace, number)
    return show(request, workspace, "console/revisions/detail.html", row=row)


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def revision_rollback(request: ConsoleRequest, workspace: Workspace, number: int) -> HttpResponse:
    """Ask why, then bring this tenant's part of a revision back."""
    row = _row(request, workspace, number)
    form = RollbackForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        restored = save(
            request,
            workspace,
            form=form,
            change=lambda: rollback(
                revision=row.revision,
                actor=workspace.actor,
                tenant=workspace.tenant,
                note=form.cleaned_data["note"],
            ),
            done=_("Revision %(number)s is back in force.") % {"number": number},
        )
        if restored is not None:
            return redirect("console:revisions", workspace.tenant.slug)
    return show(request, workspace, "console/revisions/rollback.html", row=row, form=form)


def _row(request: ConsoleRequest, workspace: Workspace, number: int) -> RevisionWithDiff:
    row = revision_for(workspace.tenant, request.user, number=number)
    if row is None:
        raise Http404("no such revision")
    return row
