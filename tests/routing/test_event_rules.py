from __future__ import annotations

from typing import Any

import pytest

from routing.event_rules import event_tags
from routing.snapshot import EventRule


def tags(template: str, *, entity: str = "7", **payload: Any) -> tuple[str, ...]:
    rules = (EventRule(event="order_updated", tag=template),)
    return event_tags(rules, name="order_updated", entity=entity, payload=payload)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("order:{id}", "order:7"),
        ("orders", "orders"),
        ("shop:{payload.shop}:{id}", "shop:north:7"),
        ("{payload.count}", "12"),
        ("{payload.open}", "true"),
        ("{other}", "{other}"),
    ],
)
def test_event_tags__template__filled(template: str, expected: str) -> None:
    assert tags(template, shop="north", count=12, open=True) == (expected,)


@pytest.mark.parametrize("value", [None, "", [], {"a": 1}])
def test_event_tags__field_without_a_plain_value__no_tag(value: object) -> None:
    assert tags("shop:{payload.shop}", shop=value) == ()


def test_event_tags__field_missing__no_tag() -> None:
    assert tags("shop:{payload.shop}") == ()


def test_event_tags__value_that_looks_like_a_placeholder__taken_as_it_is() -> None:
    assert tags("{id}:{payload.shop}", entity="{payload.shop}", shop="n") == ("{payload.shop}:n",)


def test_event_tags__event_of_another_name__no_tag() -> None:
    rules = (EventRule(event="order_updated", tag="order:{id}"),)

    assert event_tags(rules, name="order_deleted", entity="7", payload={}) == ()


def test_event_tags__two_rules_with_one_tag__once() -> None:
    rules = (EventRule(event="e", tag="a:{id}"), EventRule(event="e", tag="a:7"))

    assert event_tags(rules, name="e", entity="7", payload={}) == ("a:7",)
