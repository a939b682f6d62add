"""Who calls the operators' API: a key with a management scope, or a signed-in person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from cache_admin.models import ApiKey
from cache_admin.services.keys import key_digest

if TYPE_CHECKING:
    from rest_framework.request import Request


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer rp_...``; the key then stands in `request.auth`.

    A key is found by its digest, so no text is ever compared. Raises AuthenticationFailed for keys
    that are unknown, revoked, expired or of a disabled tenant, without saying which.
    """

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        keys = ApiKey.objects.select_related("tenant")
        key = keys.filter(digest=key_digest(text.strip())).first()
        if key is None or not key.is_active(now=timezone.now()) or not key.tenant.enabled:
            raise AuthenticationFailed(_("This key does not exist, has expired or was revoked."))
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="reprise"'
