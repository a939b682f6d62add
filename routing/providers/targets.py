"""Where a call goes and with whose key: the tenant's credential, the operator's, or the sandbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from routing.active import ActiveConfig, ActiveTenant
from routing.config import RuntimeConfig
from routing.errors import ProviderError
from routing.sealed import SecretBox, SecretUnreadable
from routing.snapshot import CredentialConfig

OPENAI = "openai"
OPENAI_URL = "https://api.openai.com/v1"
_SANDBOX_KEY = "sandbox"


@dataclass(frozen=True, slots=True)
class Target:
    """One account at one provider, and the model it is asked for."""

    provider: str
    model: str
    base_url: str
    api_key: str = field(repr=False)


class TargetBook:
    """Chooses the target of a call. Decrypted credentials are kept for one revision."""

    def __init__(self, config: RuntimeConfig) -> None:
        """Raises ConfigError when the credentials key is malformed."""
        self._config = config
        self._secrets = SecretBox(config.credentials_key)
        self._revision = 0
        self._accounts: dict[tuple[str, str], tuple[str, str]] = {}

    def target(self, active: ActiveConfig, tenant: ActiveTenant, *, model: str) -> Target:
        """Where `tenant`'s call for `model` goes; a model without a route goes to OpenAI as named.

        Raises ProviderError (503) when no account is configured or its secret cannot be read, 501
        when the route names a provider this release does not speak.
        """
        route = tenant.route(model)
        provider = route.provider if route else OPENAI
        if provider != OPENAI:
            raise ProviderError(
                f"Model {model!r} is routed to provider {provider!r}, which this release does not "
                f"speak; route it to {OPENAI!r}.",
                status=501,
                code="provider_not_supported",
            )
        return self._target(
            active, tenant, provider=provider, model=route.target_model if route else model
        )

    def embedding_target(self, active: ActiveConfig, tenant: ActiveTenant, model: str) -> Target:
        """Where `tenant`'s texts go to be embedded by `model` of OpenAI; routes are for calls only.

        Raises ProviderError as `target` does.
        """
        return self._target(active, tenant, provider=OPENAI, model=model)

    def _target(
        self, active: ActiveConfig, tenant: ActiveTenant, *, provider: str, model: str
    ) -> Target:
        if active.revision != self._revision:
            self._accounts.clear()
            self._revision = active.revision
        key = (tenant.config.uid, provider)
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = self._account(tenant, provider)
        base_url, api_key = account
        return Target(provider=provider, model=model, base_url=base_url, api_key=api_key)

    def _account(self, tenant: ActiveTenant, provider: str) -> tuple[str, str]:
        config = self._config
        own_url = config.openai_base_url or OPENAI_URL
        for credential in tenant.config.credentials:
            if credential.provider == provider:
                return credential.base_url or own_url, self._secret(credential)
        if config.openai_api_key:
            return own_url, config.openai_api_key
        if config.sandbox_url:
            return _with_version(config.sandbox_url), _SANDBOX_KEY
        raise ProviderError(
            f"No provider is configured for tenant {tenant.config.slug!r}: give it a credential in "
            "the console, or set OPENAI_API_KEY or SANDBOX_URL for the runtime.",
            status=503,
            code="no_provider",
        )

    def _secret(self, credential: CredentialConfig) -> str:
        try:
            return self._secrets.open(credential.secret)
        except SecretUnreadable as error:
            raise _unreadable(str(error)) from None


def _unreadable(why: str) -> ProviderError:
    return ProviderError(
        f"The tenant's provider credential cannot be read: {why}.",
        status=503,
        code="credential_unreadable",
    )


def _with_version(url: str) -> str:
    """The sandbox's address may be given with or without the API's ``/v1``."""
    return url if urlsplit(url).path.strip("/") else url.rstrip("/") + "/v1"
