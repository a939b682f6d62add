"""Documents: list, create, rename, bump."""

from __future__ import annotations

from django.db.models import OuterRef, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from cache_admin.console.forms.documents import (
    BumpForm,
    DocumentForm,
    NewDocumentForm,
    document_values,
)
from cache_admin.console.saving import save
from cache_admin.console.workspace import ConsoleRequest, Workspace, show, tenant_page
from cache_admin.models import Document, DocumentVersion, Role
from cache_admin.selectors.documents import bump_preview
from cache_admin.services.documents import bump_document, create_document, update_document

_VERSIONS_SHOWN = 50


@tenant_page()
def documents(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Every document with its version and the policies that depend on it."""
    in_force = DocumentVersion.objects.filter(
        document=OuterRef("pk"), number=OuterRef("current_version")
    )
    rows = (
        Document.objects.for_tenant(workspace.tenant)
        .prefetch_related("policies")
        .annotate(since=Subquery(in_force.values("created_at")))
    )
    return show(request, workspace, "console/documents/list.html", documents=rows)


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def document_new(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Create a document."""
    form = NewDocumentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        document = save(
            request,
            workspace,
            form=form,
            change=lambda: create_document(
                tenant=workspace.tenant, actor=workspace.actor, **form.cleaned_data
            ),
            done=_("Document created."),
        )
        if document is not None:
            return redirect("console:document", workspace.tenant.slug, document.uid)
    return show(request, workspace, "console/documents/new.html", form=form)


@tenant_page(role_to_post=Role.OPERATOR, methods=("GET", "POST"))
def document(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """A document's versions and dependents; its title can be changed."""
    found = _document(workspace, uid)
    form = DocumentForm(request.POST or None, initial=document_values(found))
    if (
        request.method == "POST"
        and form.is_valid()
        and _rename(request, workspace, document=found, form=form) is not None
    ):
        return redirect("console:document", workspace.tenant.slug, uid)
    versions = found.versions.select_related("created_by")[:_VERSIONS_SHOWN]
    return show(
        request,
        workspace,
        "console/documents/detail.html",
        form=form,
        document=found,
        versions=versions,
    )


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def document_bump(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Show what a new version retires, ask why, then put it in force."""
    found = _document(workspace, uid)
    form = BumpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        version = save(
            request,
            workspace,
            form=form,
            change=lambda: bump_document(
                document=found, actor=workspace.actor, note=form.cleaned_data["note"]
            ),
            done=_("A new version is in force."),
        )
        if version is not None:
            return redirect("console:document", workspace.tenant.slug, uid)
    return show(
        request,
        workspace,
        "console/documents/bump.html",
        form=form,
        document=found,
        preview=bump_preview(found),
    )


def _rename(
    request: ConsoleRequest, workspace: Workspace, *, document: Document, form: DocumentForm
) -> Document | None:
    return save(
        request,
        workspace,
        form=form,
        change=lambda: update_document(
            document=document,
            actor=workspace.actor,
            title=form.cleaned_data["title"],
            expected_version=form.expected_version,
        ),
        done=_("Document saved."),
    )


def _document(workspace: Workspace, uid: str) -> Document:
    rows = Document.objects.for_tenant(workspace.tenant).prefetch_related("policies")
    return get_object_or_404(rows, uid=uid)
