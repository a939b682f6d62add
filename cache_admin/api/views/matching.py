"""Pairs of questions that never merge, and a tenant's lexicon."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema

from cache_admin.api.access import actor_of
from cache_admin.api.openapi import CREATE, EDIT, IF_MATCH, PAGING, REVISION, page_schema
from cache_admin.api.pagination import page_of
from cache_admin.api.preconditions import expected_version, merged, version_read
from cache_admin.api.responses import deleted, paged, shown, written
from cache_admin.api.serializers.matching import (
    LexiconSerializer,
    PairSearchSerializer,
    PairSerializer,
)
from cache_admin.api.views.base import TenantView, parsed
from cache_admin.models import NeverMergePair, Role
from cache_admin.selectors.pairs import pairs_found
from cache_admin.services.matching import (
    LexiconSpec,
    PairSpec,
    create_pair,
    delete_pair,
    lexicon_of,
    lexicon_spec_of,
    pair_spec_of,
    update_lexicon,
    update_pair,
)

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class PairView(TenantView):
    write_role = Role.CURATOR

    def pair(self, uid: str) -> NeverMergePair:
        return get_object_or_404(NeverMergePair.objects.for_tenant(self.tenant), uid=uid)


class PairList(PairView):
    @extend_schema(
        operation_id="never_merge_list",
        parameters=[PairSearchSerializer, *PAGING],
        responses=page_schema(PairSerializer),
    )
    def get(self, request: Request, slug: str) -> Response:
        """The pairs of questions that never share an answer, oldest first."""
        asked = parsed(PairSearchSerializer(data=request.query_params.dict()))
        pairs = pairs_found(tenant=self.tenant, text=asked.get("q", ""))
        return paged(page_of(pairs, request, by="id"), PairSerializer)

    @extend_schema(
        operation_id="never_merge_create",
        parameters=CREATE,
        request=PairSerializer,
        responses={201: PairSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Keep two questions apart. 409 when the pair is there already, either way round."""
        spec = PairSpec(**parsed(PairSerializer(data=request.data)))
        pair = create_pair(tenant=self.tenant, actor=actor_of(request), spec=spec)
        return written(pair, PairSerializer, status=201)


class PairDetail(PairView):
    @extend_schema(operation_id="never_merge_retrieve", responses=PairSerializer)
    def get(self, request: Request, slug: str, uid: str) -> Response:
        """One pair."""
        return shown(self.pair(uid), PairSerializer)

    @extend_schema(
        operation_id="never_merge_replace",
        parameters=EDIT,
        request=PairSerializer,
        responses=PairSerializer,
    )
    def put(self, request: Request, slug: str, uid: str) -> Response:
        """Replace a pair; what is left out takes its default."""
        pair = self.pair(uid)
        expected = expected_version(request, pair)
        spec = PairSpec(**parsed(PairSerializer(pair, data=request.data)))
        return self._saved(request, pair, spec=spec, expected=expected)

    @extend_schema(
        operation_id="never_merge_update",
        parameters=EDIT,
        request=PairSerializer,
        responses=PairSerializer,
    )
    def patch(self, request: Request, slug: str, uid: str) -> Response:
        """Change some of a pair."""
        return merged(request, lambda: self._patched(request, uid))

    @extend_schema(
        operation_id="never_merge_delete", parameters=[IF_MATCH, REVISION], responses={204: None}
    )
    def delete(self, request: Request, slug: str, uid: str) -> Response:
        """Delete a pair; its questions may share answers again."""
        pair = self.pair(uid)
        expected = expected_version(request, pair)
        delete_pair(pair=pair, actor=actor_of(request), expected_version=expected)
        return deleted()

    def _patched(self, request: Request, uid: str) -> Response:
        pair = self.pair(uid)
        expected = version_read(request, pair)
        changes = parsed(PairSerializer(pair, data=request.data, partial=True))
        spec = replace(pair_spec_of(pair), **changes)
        return self._saved(request, pair, spec=spec, expected=expected)

    def _saved(
        self, request: Request, pair: NeverMergePair, *, spec: PairSpec, expected: int | None
    ) -> Response:
        actor = actor_of(request)
        saved = update_pair(pair=pair, actor=actor, spec=spec, expected_version=expected)
        return written(saved, PairSerializer)


class LexiconDetail(TenantView):
    write_role = Role.CURATOR

    @extend_schema(operation_id="lexicon_retrieve", responses=LexiconSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """The tenant's own words."""
        return shown(lexicon_of(self.tenant), LexiconSerializer)

    @extend_schema(
        operation_id="lexicon_replace",
        parameters=EDIT,
        request=LexiconSerializer,
        responses=LexiconSerializer,
    )
    def put(self, request: Request, slug: str) -> Response:
        """Replace the words; a list that is left out is emptied."""
        lexicon = lexicon_of(self.tenant)
        expected = expected_version(request, lexicon)
        spec = LexiconSpec(**parsed(LexiconSerializer(lexicon, data=request.data)))
        return self._saved(request, spec, expected=expected)

    @extend_schema(
        operation_id="lexicon_update",
        parameters=EDIT,
        request=LexiconSerializer,
        responses=LexiconSerializer,
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Replace some of the lists."""
        return merged(request, lambda: self._patched(request))

    def _patched(self, request: Request) -> Response:
        lexicon = lexicon_of(self.tenant)
        expected = version_read(request, lexicon)
        changes = parsed(LexiconSerializer(lexicon, data=request.data, partial=True))
        spec = replace(lexicon_spec_of(lexicon), **changes)
        return self._saved(request, spec, expected=expected)

    def _saved(self, request: Request, spec: LexiconSpec, *, expected: int | None) -> Response:
        saved = update_lexicon(
            tenant=self.tenant, actor=actor_of(request), spec=spec, expected_version=expected
        )
        return written(saved, LexiconSerializer)
