"""The embedding model of a tenant; it is chosen with the tenant's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from cache_admin.api.serializers.embedding import EmbeddingSerializer
from cache_admin.api.views.base import TenantView
from cache_admin.selectors.embedding import embedding_of

if TYPE_CHECKING:
    from rest_framework.request import Request


class EmbeddingView(TenantView):
    @extend_schema(operation_id="embedding_retrieve", responses=EmbeddingSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """The tenant's embedding model: its size, where it is ready, and how far its most used
        answers have been moved since it was chosen."""
        return Response(EmbeddingSerializer(embedding_of(self.tenant)).data)
