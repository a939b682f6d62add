"""Another tenant, a raised threshold and a new document version: none is served the old answer."""

from __future__ import annotations

import time

import openai

from tests.e2e.operators import App, policy
from tests.product import Product, layer_of, wait_until


def test_other_tenant__same_question__never_sees_the_answer(
    client: openai.OpenAI, globex: App
) -> None:
    question = "Which of your teapots holds two litres?"
    layer_of(client, question)
    wait_until(lambda: layer_of(client, question) == "exact", seconds=10)

    assert layer_of(globex.client, question) == "none"


def test_min_similarity__raised_over_http__next_call_is_a_miss(globex: App) -> None:
    layer_of(globex.client, "May I bring an elephant on board?")
    rephrased = "May I bring my elephant on board?"
    wait_until(lambda: layer_of(globex.client, rephrased) == "semantic", seconds=10)
    path, etag = policy(globex.api, "frequent-faq")

    globex.api.patch(path, json={"min_similarity": "0.999"}, headers={"If-Match": etag})

    # A quarter of a second is promised; a busy machine gets a whole one.
    saved = time.monotonic()
    while (layer := layer_of(globex.client, rephrased)) == "semantic":
        assert time.monotonic() - saved < 1
    assert layer == "none"


def test_document__bumped_by_command__exact_question_misses(
    product: Product, client: openai.OpenAI
) -> None:
    question = "Do your lanterns come with a wick?"
    layer_of(client, question)
    wait_until(lambda: layer_of(client, question) == "exact", seconds=10)

    product.manage("bump_document", "demo", "help-center")

    assert layer_of(client, question) == "none"
