"""Tenants' own provider keys: encrypted at rest, never shown again."""

from __future__ import annotations

from urllib.parse import urlsplit

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.utils.translation import gettext as _

from cache_admin.errors import InvalidInput
from cache_admin.models import Provider, ProviderCredential, Tenant
from cache_admin.services.actor import Actor
from cache_admin.services.publishing import change
from cache_admin.services.validation import validated

_HINT_LENGTH = 4
_MIN_SECRET_LENGTH = 8


class CredentialsKeyError(Exception):
    """CREDENTIALS_KEY is missing or is not a list of Fernet keys."""


def credentials_cipher(key: str) -> MultiFernet:
    """The cipher for `key`, comma-separated Fernet keys of which the first encrypts.

    Raises CredentialsKeyError, which never shows the key.
    """
    parts = [part.strip() for part in key.split(",") if part.strip()]
    if not parts:
        raise CredentialsKeyError("CREDENTIALS_KEY is not set.")
    try:
        return MultiFernet([Fernet(part) for part in parts])
    except ValueError:
        raise CredentialsKeyError("CREDENTIALS_KEY is not a list of Fernet keys.") from None


def set_credential(
    *, tenant: Tenant, actor: Actor, provider: str, secret: str, base_url: str = ""
) -> ProviderCredential:
    """Store `secret` as the tenant's key at `provider`, replacing the one before.

    Raises InvalidInput for an unknown provider, a malformed base URL or one with a name or password
    in it, and a secret too short to be one.
    """
    secret = secret.strip()
    if provider not in Provider.values:
        raise InvalidInput(_("Unknown provider."), fields={"provider": _("Unknown provider.")})
    if len(secret) < _MIN_SECRET_LENGTH:
        message = _("This is too short to be a provider's key.")
        raise InvalidInput(message, fields={"secret": message})
    token = credentials_cipher(settings.CREDENTIALS_KEY).encrypt(secret.encode()).decode("ascii")
    with change(actor=actor, tenant=tenant) as journal:
        row = ProviderCredential.objects.for_tenant(tenant).filter(provider=provider).first()
        if row is None:
            row = ProviderCredential(tenant=tenant, provider=provider)
        else:
            row.version += 1
        before = {"hint": row.hint, "base_url": row.base_url}
        row.secret, row.hint, row.base_url = token, secret[-_HINT_LENGTH:], base_url
        validated(row)
        if "@" in urlsplit(base_url).netloc:
            # The address is shown in diffs and in the audit log.
            message = _("Leave name and password out of the address.")
            raise InvalidInput(message, fields={"base_url": message})
        row.save()
        journal.record(
            "credential.set",
            target=row,
            before=before,
            after={"hint": row.hint, "base_url": row.base_url},
        )
    return row


def remove_credential(*, credential: ProviderCredential, actor: Actor) -> None:
    """Forget a provider key; the tenant's calls then go out with the deployment's own."""
    with change(actor=actor, tenant=credential.tenant) as journal:
        journal.record("credential.removed", target=credential, before={"hint": credential.hint})
        credential.delete()
