from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from routing.active import ActiveConfig, activate
from routing.config import RuntimeConfig
from routing.errors import ConfigError, ProviderError
from routing.providers.targets import Target, TargetBook
from routing.snapshot import CredentialConfig, TenantConfig
from tests.routing.builders import route, snapshot, tenant

KEY = Fernet.generate_key().decode()


def config(**settings: Any) -> RuntimeConfig:
    return RuntimeConfig(redis_url="redis://127.0.0.1:1/0", data_dir=Path("unused"), **settings)


def credential(value: str = "sk-acme", *, key: str = KEY, **changes: Any) -> CredentialConfig:
    token = Fernet(key).encrypt(value.encode()).decode()
    return CredentialConfig(uid="c1", provider="openai", secret=token, **changes)


def target_of(acme: TenantConfig, model: str = "gpt-5-mini", **settings: Any) -> Target:
    active = activate(snapshot(acme))
    return TargetBook(config(**settings)).target(active, active.tenants[acme.uid], model=model)


def test_target__own_credential__wins_over_the_operators() -> None:
    acme = tenant(credentials=(credential(base_url="https://llm.acme.test/v1"),))

    target = target_of(acme, credentials_key=KEY, openai_api_key="sk-operator")

    assert (target.base_url, target.api_key) == ("https://llm.acme.test/v1", "sk-acme")


def test_target__no_credential__the_operators_key() -> None:
    target = target_of(tenant(), openai_api_key="sk-operator", sandbox_url="http://127.0.0.1:1")

    assert (target.base_url, target.api_key) == ("https://api.openai.com/v1", "sk-operator")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8090", "http://127.0.0.1:8090/v1"])
def test_target__no_key_at_all__the_sandbox(url: str) -> None:
    target = target_of(tenant(), sandbox_url=url)

    assert (target.base_url, target.api_key) == ("http://127.0.0.1:8090/v1", "sandbox")


def test_target__nothing_configured__says_what_to_set() -> None:
    with pytest.raises(ProviderError, match="OPENAI_API_KEY or SANDBOX_URL") as caught:
        target_of(tenant())

    assert (caught.value.status, caught.value.code) == (503, "no_provider")


def test_target__routed_model__asks_for_the_routes_target() -> None:
    acme = tenant(routes=(route("gpt-*", "gpt-5.6-luna", "small"),))

    assert target_of(acme, "gpt-4o", sandbox_url="http://s").model == "gpt-5.6-luna"


def test_target__rotated_key__old_secret_still_read() -> None:
    newest = Fernet.generate_key().decode()

    target = target_of(tenant(credentials=(credential(),)), credentials_key=f"{newest},{KEY}")

    assert target.api_key == "sk-acme"


@pytest.mark.parametrize("key", ["", Fernet.generate_key().decode()], ids=["none", "other"])
def test_target__secret_of_another_key__503_naming_the_setting(key: str) -> None:
    with pytest.raises(ProviderError, match="CREDENTIALS_KEY") as caught:
        target_of(tenant(credentials=(credential(),)), credentials_key=key)

    assert caught.value.status == 503


def test_target__new_revision__new_secret() -> None:
    book = TargetBook(config(credentials_key=KEY))

    def key_under(active: ActiveConfig) -> str:
        return book.target(active, active.tenants["uid-acme"], model="m").api_key

    old = activate(snapshot(tenant(credentials=(credential("old"),)), revision=1))
    new = activate(snapshot(tenant(credentials=(credential("new"),)), revision=2))

    assert [key_under(old), key_under(new)] == ["old", "new"]


def test_target_book__malformed_key__refuses_to_start() -> None:
    with pytest.raises(ConfigError, match="CREDENTIALS_KEY is not a Fernet key"):
        TargetBook(config(credentials_key="short"))


def test_target__repr__hides_the_key() -> None:
    assert "sk-operator" not in repr(target_of(tenant(), openai_api_key="sk-operator"))
