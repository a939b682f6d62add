"""Two gateways that share a Redis and a provider, and calls that come to them at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.gateway.scripted import Reply, ScriptedProvider
from tests.gateway.serving import Gateway
from tests.routing.builders import ACME_KEY


@dataclass(frozen=True)
class Pair:
    """Two gateways in front of a provider that says what a test tells it to."""

    here: Gateway
    there: Gateway
    provider: ScriptedProvider

    def will(self, *replies: Reply) -> None:
        """Answer the next provider calls with `replies`, and further ones with 500."""
        self.provider.will(*replies)

    def ask_at_once(self, *questions: str, **fields: Any) -> list[httpx2.Response]:
        """The questions asked at the same time, by turns here and there."""
        return asyncio.run(self._ask(questions, fields))

    async def _ask(self, questions: tuple[str, ...], fields: Any) -> list[httpx2.Response]:
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(timeout=30, limits=limits) as client:
            calls = [
                client.post(
                    f"{(self.here, self.there)[number % 2].url}/v1/chat/completions",
                    json=chat_request(question, **fields),
                    headers={"authorization": f"Bearer {ACME_KEY}"},
                )
                for number, question in enumerate(questions)
            ]
            return await asyncio.gather(*calls)


def chat_request(question: str, **fields: Any) -> Any:
    """The body of one call."""
    messages = [{"role": "user", "content": question}]
    return {"model": "gpt-5-mini", "messages": messages} | fields


def layers(responses: list[httpx2.Response]) -> list[str]:
    """The layers that answered, sorted."""
    return sorted(response.headers["x-cache-layer"] for response in responses)
