"""What the app, the console and the provider each count over the same traffic."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from controlplane.serve.plan import PROJECT_ROOT
from routing.sandbox.meter import Account
from tests.product import Product, wait_until

_CALLS = 300
_QUESTIONS = PROJECT_ROOT / "cache_admin" / "data" / "demo_queries.jsonl"
_MONEY = (
    "SELECT COUNT(*), SUM(input_tokens), SUM(cache_read_input_tokens),"
    " SUM(cache_write_5m_input_tokens + cache_write_1h_input_tokens),"
    " SUM(output_tokens), SUM(cost_nanousd)"
    " FROM cache_admin_callevent WHERE key_uid = ? AND provider != ''"
)
_LAYERS = "SELECT layer, COUNT(*) FROM cache_admin_callevent WHERE key_uid = ? GROUP BY layer"


class Replayed:
    """One replay of the demo traffic under a key of its own, with figures before and after it."""

    def __init__(self, product: Product, api: httpx2.Client) -> None:
        made = json.loads(product.manage("create_key", "demo", "--name", "replay", "--json"))
        self.key_uid: str = made["uid"]
        self.overview_before: Any = api.get("overview/").json()
        meter_before = product.meter().total
        self.client: Any = json.loads(_replay(product, made["key"]))
        wait_until(lambda: _counted(product, self.key_uid) >= _CALLS, seconds=20)
        self.billed = _since(meter_before, product.meter().total)
        self.overview_after: Any = api.get("overview/").json()


@pytest.fixture(scope="module")
def replayed(product: Product, demo_api: httpx2.Client) -> Replayed:
    return Replayed(product, demo_api)


def test_replay__demo_traffic__every_layer_answered_some(replayed: Replayed) -> None:
    assert replayed.client["errors"] == 0
    assert all(replayed.client["by_layer"].values()), replayed.client


def test_events__by_layer__equal_the_clients_counts(product: Product, replayed: Replayed) -> None:
    assert dict(product.rows(_LAYERS, replayed.key_uid)) == replayed.client["by_layer"]


def test_overview__by_layer__equals_the_clients_counts(replayed: Replayed) -> None:
    before, after = replayed.overview_before, replayed.overview_after

    seen = {
        new["layer"]: new["calls"] - old["calls"]
        for old, new in zip(before["by_layer"], after["by_layer"], strict=True)
    }

    assert seen == replayed.client["by_layer"]


def test_ledger__tokens_and_money__equal_the_providers_meter(
    product: Product, replayed: Replayed
) -> None:
    [row] = product.rows(_MONEY, replayed.key_uid)

    assert Account(*row) == replayed.billed


def test_overview__money__equals_the_providers_meter(replayed: Replayed) -> None:
    before, after = replayed.overview_before, replayed.overview_after

    assert after["cost_nanousd"] - before["cost_nanousd"] == replayed.billed.cost_nanousd


def test_client__money__equals_the_providers_meter(replayed: Replayed) -> None:
    assert replayed.client["cost_nanousd"] == replayed.billed.cost_nanousd


def _replay(product: Product, key: str) -> str:
    target = ("--base-url", product.announced.base_url, "--key", key)
    return product.manage(
        "replay", str(_QUESTIONS), *target, "--limit", str(_CALLS), "--retries", "2", "--json"
    )


def _counted(product: Product, key_uid: str) -> int:
    return sum(calls for _layer, calls in product.rows(_LAYERS, key_uid))


def _since(before: Account, after: Account) -> Account:
    names = Account.__struct_fields__
    return Account(*(getattr(after, name) - getattr(before, name) for name in names))
