"""Calls of an app, made with the official client."""

from __future__ import annotations

import time
from dataclasses import dataclass

import openai


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, from which layer; `similarity` is 0 where none was measured."""

    layer: str
    text: str
    similarity: float


def ask(client: openai.OpenAI, question: str, *, keep: bool = True) -> Reply:
    """Ask `question`; without `keep` a provider's answer is not stored."""
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": question}],
        extra_body={} if keep else {"cache": {"no_store": True}},
    )
    return Reply(
        layer=raw.headers["x-cache-layer"],
        text=raw.parse().choices[0].message.content or "",
        similarity=float(raw.headers.get("x-cache-similarity", "0")),
    )


def ask_until(client: openai.OpenAI, question: str, *, layer: str, keep: bool = True) -> Reply:
    """Ask `question` again and again, for ten seconds at most, until `layer` answers."""
    deadline = time.monotonic() + 10
    while (reply := ask(client, question, keep=keep)).layer != layer:
        assert time.monotonic() < deadline, f"still {reply.layer}: {question}"
        time.sleep(0.02)
    return reply


def is_accepted(client: openai.OpenAI) -> bool:
    """Whether the runtime lets the client's key in."""
    try:
        client.models.list()
    except openai.AuthenticationError:
        return False
    return True
