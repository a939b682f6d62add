"""Keys of apps and of scripts."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from cache_admin.errors import InvalidInput, NotAllowed
from cache_admin.models import ApiKey, KeyScope, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.publishing import change
from cache_admin.services.validation import validated

_TYPE = "rp"
# Without letters and digits that are taken for one another when read out.
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
_READABLE_LENGTH = 8
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at the only moment its text is known."""

    key: ApiKey
    text: str = field(repr=False)


def create_key(
    *,
    tenant: Tenant,
    actor: Actor,
    name: str,
    scopes: tuple[str, ...] = (KeyScope.CALL.value,),
    expires_at: datetime | None = None,
) -> NewKey:
    """A new random key of 256 bits.

    Raises InvalidInput for an unknown scope or a past expiry, and NotAllowed when a key asks for
    one that may write.
    """
    _check_scopes(scopes)
    if actor.is_key and KeyScope.WRITE in scopes:
        # Or whoever got hold of a key could outlive its revocation.
        message = _(
            "A key cannot make a key with scope write. A person can: in the console, or with "
            "manage.py create_key."
        )
        raise NotAllowed(message, code="key_grants_write")
    if expires_at is not None and expires_at <= timezone.now():
        message = _("The expiry lies in the past.")
        raise InvalidInput(message, fields={"expires_at": message})
    readable = "".join(secrets.choice(_READABLE) for _position in range(_READABLE_LENGTH))
    prefix = f"{_TYPE}_{readable}"
    text = f"{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    with change(actor=actor, tenant=tenant) as journal:
        key = ApiKey(
            tenant=tenant,
            name=name.strip(),
            prefix=prefix,
            digest=key_digest(text),
            scopes=list(dict.fromkeys(scopes)),
            created_by=actor.user,
            expires_at=expires_at,
        )
        validated(key).save()
        journal.record(
            "key.created", target=key, after={"name": key.name, "scopes": list(key.scopes)}
        )
    return NewKey(key, text)


def revoke_key(*, key: ApiKey, actor: Actor) -> None:
    """End `key` for good; revoking twice changes nothing."""
    with change(actor=actor, tenant=key.tenant) as journal:
        ended = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
        if ended:
            journal.record("key.revoked", target=key, before={"name": key.name})


def key_digest(text: str) -> str:
    """SHA-256 (hex) of a key's whole text: enough for random keys of 256 bits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _check_scopes(scopes: tuple[str, ...]) -> None:
    if not scopes:
        message = _("Choose what the key opens.")
        raise InvalidInput(message, fields={"scopes": message})
    if unknown := sorted(set(scopes) - set(KeyScope.values)):
        message = _("Unknown scope “%(scope)s”.") % {"scope": unknown[0]}
        raise InvalidInput(message, fields={"scopes": message})
