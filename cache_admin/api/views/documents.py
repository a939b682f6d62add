"""Documents of a tenant, and raising their version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from cache_admin.api.access import actor_of
from cache_admin.api.openapi import CREATE, EDIT, PAGING, REVISION, page_schema
from cache_admin.api.pagination import page_of
from cache_admin.api.preconditions import expected_version, merged, version_read
from cache_admin.api.responses import paged, revision_header, shown, written
from cache_admin.api.serializers.documents import (
    BumpInputSerializer,
    BumpPreviewSerializer,
    DocumentSerializer,
    DocumentVersionSerializer,
    NewDocumentSerializer,
)
from cache_admin.api.views.base import TenantView, parsed
from cache_admin.models import Document, DocumentVersion, Role
from cache_admin.selectors.documents import bump_preview
from cache_admin.services.documents import bump_document, create_document, update_document

if TYPE_CHECKING:
    from rest_framework.request import Request

    from cache_admin.querysets import TenantOwnedQuerySet


class DocumentView(TenantView):
    write_role = Role.OPERATOR

    def documents(self) -> TenantOwnedQuerySet[Document]:
        return Document.objects.for_tenant(self.tenant)


class DocumentList(DocumentView):
    @extend_schema(
        operation_id="documents_list", parameters=PAGING, responses=page_schema(DocumentSerializer)
    )
    def get(self, request: Request, slug: str) -> Response:
        """The tenant's documents, by short name."""
        return paged(page_of(self.documents(), request, by="slug"), DocumentSerializer)

    @extend_schema(
        operation_id="documents_create",
        parameters=CREATE,
        request=NewDocumentSerializer,
        responses={201: DocumentSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Name a document that answers rest on."""
        values = parsed(NewDocumentSerializer(data=request.data))
        document = create_document(
            tenant=self.tenant,
            actor=actor_of(request),
            slug=values["slug"],
            title=values["title"],
        )
        return written(document, DocumentSerializer, status=201)


class DocumentDetail(DocumentView):
    @extend_schema(operation_id="documents_retrieve", responses=DocumentSerializer)
    def get(self, request: Request, slug: str, uid: str) -> Response:
        """One document."""
        return shown(get_object_or_404(self.documents(), uid=uid), DocumentSerializer)

    @extend_schema(
        operation_id="documents_replace",
        parameters=EDIT,
        request=DocumentSerializer,
        responses=DocumentSerializer,
    )
    def put(self, request: Request, slug: str, uid: str) -> Response:
        """Retitle a document. The short name never changes; versions rise by a bump."""
        document = get_object_or_404(self.documents(), uid=uid)
        expected = expected_version(request, document)
        values = parsed(DocumentSerializer(document, data=request.data))
        return self._saved(request, document, title=values["title"], expected=expected)

    @extend_schema(
        operation_id="documents_update",
        parameters=EDIT,
        request=DocumentSerializer,
        responses=DocumentSerializer,
    )
    def patch(self, request: Request, slug: str, uid: str) -> Response:
        """Retitle a document, or change nothing."""
        return merged(request, lambda: self._patched(request, uid))

    def _patched(self, request: Request, uid: str) -> Response:
        document = get_object_or_404(self.documents(), uid=uid)
        expected = version_read(request, document)
        values = parsed(DocumentSerializer(document, data=request.data, partial=True))
        title = values.get("title", document.title)
        return self._saved(request, document, title=title, expected=expected)

    def _saved(
        self, request: Request, document: Document, *, title: str, expected: int | None
    ) -> Response:
        saved = update_document(
            document=document, actor=actor_of(request), title=title, expected_version=expected
        )
        return written(saved, DocumentSerializer)


class DocumentVersions(DocumentView):
    @extend_schema(
        operation_id="documents_versions",
        parameters=PAGING,
        responses=page_schema(DocumentVersionSerializer),
    )
    def get(self, request: Request, slug: str, uid: str) -> Response:
        """The document's versions, newest first."""
        document = get_object_or_404(self.documents(), uid=uid)
        versions = DocumentVersion.objects.filter(document=document).select_related("created_by")
        page = page_of(versions, request, by="number", descending=True)
        return paged(page, DocumentVersionSerializer)


class DocumentBump(DocumentView):
    @extend_schema(operation_id="documents_bump_preview", responses=BumpPreviewSerializer)
    def get(self, request: Request, slug: str, uid: str) -> Response:
        """How many cached answers a bump would retire now."""
        document = get_object_or_404(self.documents(), uid=uid)
        return Response(BumpPreviewSerializer(bump_preview(document)).data)

    @extend_schema(
        operation_id="documents_bump",
        parameters=[REVISION],
        request=BumpInputSerializer,
        responses={201: DocumentVersionSerializer},
    )
    def post(self, request: Request, slug: str, uid: str) -> Response:
        """Raise the version: every cached answer that rests on the document is retired at once."""
        document = get_object_or_404(self.documents(), uid=uid)
        note = parsed(BumpInputSerializer(data=request.data))["note"]
        version = bump_document(document=document, actor=actor_of(request), note=note)
        data = DocumentVersionSerializer(version).data
        return Response(data, status=201, headers=revision_header())
