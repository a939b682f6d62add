from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.cacheability import (
    Said,
    Setting,
    policy_for_volatile,
    refusal_to_store,
    volatile_kind,
)
from routing.cacheability.personal import personal_kind
from routing.cacheability.refusals import reads_as_refusal
from routing.snapshot import ContentClass, PersonalData, PolicyConfig, Scope, StoreRule, Volatile
from tests.routing.builders import policy

CASES = Path(__file__).parent / "cases"
RULES = StoreRule()
ASKED = Setting(query="Where do I find my invoice?")
CALL = b'{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function"}]}'
PROMPT = Setting(query="Q", system_prompt=b'[{"content":"Write to help.ana@acme.com"}]')
FORMAT = b'{"type":"json_object"}'
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["city"],
    "properties": {"city": {"type": "string"}, "days": {"type": ["integer", "null"]}},
    "additionalProperties": False,
}


def cases(name: str) -> list[Any]:
    listed = json.loads((CASES / name).read_text())
    return [pytest.param(kind, text, id=text) for kind, texts in listed.items() for text in texts]


def word(text: str = "In the app.", *, asked: Setting = ASKED, **changes: Any) -> str:
    """Why `text` is not kept under the default rules with `changes`."""
    return refusal_to_store(Said(text=text), asked, rules=StoreRule(**changes))


def json_setting(schema: Any) -> Setting:
    asked = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    return Setting(query="Q", response_format=json.dumps(asked).encode())


def test_refusal_to_store__plain_answer__kept() -> None:
    assert word() == ""


def test_refusal_to_store__fault__told_first() -> None:
    assert refusal_to_store(Said(text="", fault="truncated"), ASKED, rules=RULES) == "truncated"


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        (" \n", {}, "empty"),
        ("Yes.", {"min_chars": 5}, "too_short"),
        ("Yes.", {"min_chars": 4}, ""),
        ("Yes, it is.", {"max_chars": 10}, "too_long"),
        ("I'm sorry, but I can't help with that.", {}, "refusal"),
        ("I'm sorry, but I can't help with that.", {"refusals": True}, ""),
        ("Write to ana@globex.io.", {}, "personal_email"),
        ("Write to ana@globex.io.", {"personal_data": PersonalData.REFUSE}, "personal_email"),
        ("Write to ana@globex.io.", {"personal_data": PersonalData.KEEP}, ""),
    ],
)
def test_refusal_to_store__by_the_rules__one_word(
    text: str, changes: dict[str, Any], expected: str
) -> None:
    assert word(text, **changes) == expected


@pytest.mark.parametrize(("allowed", "expected"), [(False, "tool_calls"), (True, "")])
def test_refusal_to_store__tool_calls__as_the_policy_says(*, allowed: bool, expected: str) -> None:
    said = Said(message=CALL, tool_calls=True)

    assert refusal_to_store(said, ASKED, rules=StoreRule(tool_calls=allowed)) == expected


@pytest.mark.parametrize(("allowed", "expected"), [(False, "refusal"), (True, "")])
def test_refusal_to_store__marked_refusal__as_the_policy_says(
    *, allowed: bool, expected: str
) -> None:
    said = Said(refusal="I cannot.", message=b'{"refusal":"I cannot."}')

    assert refusal_to_store(said, ASKED, rules=StoreRule(refusals=allowed)) == expected


def test_refusal_to_store__personal_question__kept_for_one_user_only() -> None:
    asked = Setting(query="Is ana@globex.io registered?")
    alone = Setting(query="Is ana@globex.io registered?", scope=Scope.USER)

    assert (word(asked=asked), word(asked=alone)) == ("personal_email", "")


def test_refusal_to_store__personal_data_in_a_tool_call__found_behind_its_escapes() -> None:
    arguments = json.dumps({"to": "\nana@globex.io"})
    message = json.dumps({"tool_calls": [{"function": {"arguments": arguments}}]}).encode()
    said = Said(message=message, tool_calls=True)

    assert refusal_to_store(said, ASKED, rules=StoreRule(tool_calls=True)) == "personal_email"


def test_personal_kind__more_that_is_known_than_anybody_reads__personal() -> None:
    addresses = " ".join(f"ana{number}@acme.io" for number in range(100))

    assert personal_kind(addresses, known=addresses) == "email"


def test_personal_kind__known_and_said_again_and_again__not_personal() -> None:
    assert personal_kind("Ask Ana@acme.io. " * 100, known="Our clerk is ana@acme.io.") == ""


def test_refusal_to_store__thousands_of_texts_beside_a_long_prompt__read_in_time() -> None:
    message = b'{"tool_calls": [' + b",".join([b'"ask ana@acme.io"'] * 5_000) + b"]}"
    setting = Setting(query="Where?", system_prompt=b"Our clerk is ana@acme.io. " * 20_000)

    assert refusal_to_store(Said(text="There.", message=message), setting, rules=StoreRule()) == ""


def test_refusal_to_store__address_of_the_system_prompt__not_personal() -> None:
    assert word("Ask Help.Ana@acme.com", asked=PROMPT) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', ""),
        ("[1]", "invalid_json"),
        ('```json\n{"a": 1}\n```', "invalid_json"),
        ('{"a": ', "invalid_json"),
        ("[" * 100_000, "too_long"),
        ("[" * 50_000, "invalid_json"),
    ],
)
def test_refusal_to_store__json_object_asked__must_be_one(text: str, expected: str) -> None:
    asked = Setting(query="Q", response_format=FORMAT)

    assert word(text, asked=asked, max_chars=99_999) == expected


def test_refusal_to_store__json_not_checked_by_policy__kept() -> None:
    asked = Setting(query="Q", response_format=FORMAT)

    assert word("no JSON", asked=asked, valid_json=False) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"city": "Lima"}', ""),
        ('{"city": "Lima", "days": null}', ""),
        ('{"city": "Lima", "days": 2.0}', ""),
        ('{"city": "Lima", "days": 2.5}', "invalid_json"),
        ('{"city": "Lima", "days": true}', "invalid_json"),
        ('{"days": 2}', "invalid_json"),
        ('{"city": 2}', "invalid_json"),
        ('{"city": "Lima", "land": "Peru"}', "invalid_json"),
        ('["city"]', "invalid_json"),
    ],
)
def test_refusal_to_store__schema_asked__must_fit(text: str, expected: str) -> None:
    assert word(text, asked=json_setting(SCHEMA)) == expected


@pytest.mark.parametrize(
    ("schema", "text", "expected"),
    [
        ({"enum": ["red", "blue"]}, '"red"', ""),
        ({"enum": ["red", "blue"]}, '"green"', "invalid_json"),
        ({"const": 1}, "2", "invalid_json"),
        ({"type": "array", "items": {"type": "number"}}, "[1, 2.5]", ""),
        ({"type": "array", "items": {"type": "number"}}, '[1, "2"]', "invalid_json"),
        ({"$ref": "#/x", "type": 7, "required": 3, "properties": [], "enum": 1}, "{}", ""),
        (None, "1", ""),
    ],
)
def test_refusal_to_store__part_of_a_schema__checked_as_far_as_it_is_known(
    schema: Any, text: str, expected: str
) -> None:
    assert word(text, asked=json_setting(schema)) == expected


@pytest.mark.parametrize(("expected", "text"), cases("refusing_answers.json"))
def test_reads_as_refusal__answer__told_from_one_that_informs(expected: str, text: str) -> None:
    assert reads_as_refusal(text) == (expected == "refuses")


@pytest.mark.parametrize(("expected", "text"), cases("personal_data.json"))
def test_personal_kind__text__told_by_form_and_check_digit(expected: str, text: str) -> None:
    assert personal_kind(text) == expected


@pytest.mark.parametrize(
    "text", ["4" * 100_000, "a@" * 50_000, "1 " * 50_000, "+1" * 50_000, "ES91" * 25_000]
)
def test_personal_kind__hostile_text__read_in_time(text: str) -> None:
    assert personal_kind(text) == ""


@pytest.mark.parametrize(("expected", "question"), cases("volatile_questions.json"))
def test_volatile_kind__question__told_from_a_how_to(expected: str, question: str) -> None:
    assert volatile_kind(question, "") == expected.replace("none", "")


def test_volatile_kind__other_language__nothing_known() -> None:
    assert volatile_kind("Where is my order?", "de") == ""


def test_volatile_kind__second_sentence_asks__found() -> None:
    assert volatile_kind("I bought shoes. Where is my order? Thanks!", "en") == "personal"


def test_volatile_kind__long_story__not_judged_by_one_word() -> None:
    assert volatile_kind("What is my balance " + "and so on " * 20, "en") == ""


FAQ = policy("faq", store=StoreRule())
LIVE = policy("live", content_class=ContentClass.REAL_TIME)
OWN = policy("own", content_class=ContentClass.USER_SPECIFIC, scope=Scope.USER)
SHARED = policy("shared", content_class=ContentClass.USER_SPECIFIC)
EVERY = (FAQ, SHARED, LIVE, OWN)


def ruled(volatile: Volatile) -> PolicyConfig:
    return policy("faq", store=StoreRule(volatile=volatile))


def chosen_for(kind: Any, chosen: PolicyConfig = FAQ, *, user: str = "ana") -> str | None:
    found = policy_for_volatile(kind, chosen=chosen, policies=EVERY, user=user)
    return found.name if found else None


def test_policy_for_volatile__lasting_question__stays() -> None:
    assert chosen_for("") == "faq"


def test_policy_for_volatile__now__goes_to_real_time() -> None:
    assert chosen_for("now") == "live"


def test_policy_for_volatile__personal__goes_where_users_are_kept_apart() -> None:
    assert chosen_for("personal") == "own"


def test_policy_for_volatile__personal_without_user__not_cached() -> None:
    assert chosen_for("personal", user="") is None


def test_policy_for_volatile__no_such_policy__not_cached() -> None:
    assert policy_for_volatile("now", chosen=FAQ, policies=(FAQ, OWN), user="") is None


@pytest.mark.parametrize(("kind", "suiting"), [("now", LIVE), ("personal", OWN)])
def test_policy_for_volatile__already_there__stays(kind: Any, suiting: PolicyConfig) -> None:
    assert chosen_for(kind, suiting) == suiting.name


@pytest.mark.parametrize(("rule", "expected"), [(Volatile.IGNORE, "faq"), (Volatile.REFUSE, None)])
def test_policy_for_volatile__ignored_or_refused__as_the_policy_says(
    rule: Volatile, expected: str | None
) -> None:
    assert chosen_for("now", ruled(rule)) == expected


anything = st.text(max_size=40) | st.sampled_from(["{", '{"a": 1e999}', "[" * 2_000, "+1 2"])
formats = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["type", "json_schema", "schema", "required", "properties", "items", "enum"]
            ),
            inner | st.sampled_from(["json_schema", "json_object", "object", "array"]),
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(anything, anything, formats)
def test_refusal_to_store__anything__one_word_at_most(
    text: str, query: str, asked_format: Any
) -> None:
    asked = Setting(query=query, response_format=json.dumps(asked_format).encode())

    assert " " not in word(text, asked=asked)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.sampled_from(["", "en", "es", "de"]))
def test_volatile_kind__anything__a_kind(text: str, language: str) -> None:
    assert volatile_kind(text, language) in ("", "now", "personal")
