"""The provider's prompt cache: which leading tokens of a prompt were seen a short while ago.

OpenAI's rules: prefixes of at least 1,024 tokens, in steps of 128, matched byte by byte within one
API key, model and `prompt_cache_key`, forgotten after some minutes without use.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MIN_PREFIX_TOKENS = 1024
STEP_TOKENS = 128


@dataclass(frozen=True, slots=True)
class CacheScope:
    """Who shares cached prefixes with whom."""

    api_key: str
    model: str
    prompt_cache_key: str


@dataclass(frozen=True, slots=True)
class PrefixMatch:
    """Tokens of a prompt that came from the cache, and those newly put into it."""

    read_tokens: int = 0
    written_tokens: int = 0


class PrefixCache:
    """Prefixes by digest, each with the time it was last used.

    `idle_seconds`: a prefix unused for longer is forgotten. `capacity`: prefixes kept at most, the
    longest unused leave first.
    """

    def __init__(self, *, idle_seconds: float = 300.0, capacity: int = 200_000) -> None:
        self._idle_seconds = idle_seconds
        self._capacity = capacity
        self._last_used: OrderedDict[bytes, float] = OrderedDict()

    def match(self, tokens: Sequence[str], *, scope: CacheScope, now: float) -> PrefixMatch:
        """The longest live prefix of `tokens` at `now` (seconds); remembers all of them."""
        read = written = 0
        for length, digest in _prefixes(tokens, scope):
            last_used = self._last_used.pop(digest, None)
            if last_used is not None and now - last_used <= self._idle_seconds:
                read = length
            written = length
            self._last_used[digest] = now
        while len(self._last_used) > self._capacity:
            self._last_used.popitem(last=False)
        return PrefixMatch(read_tokens=read, written_tokens=written - read)

    def clear(self) -> None:
        """Forget every prefix."""
        self._last_used.clear()


def _prefixes(tokens: Sequence[str], scope: CacheScope) -> Iterator[tuple[int, bytes]]:
    if len(tokens) < MIN_PREFIX_TOKENS:
        return
    name = "\0".join((scope.api_key, scope.model, scope.prompt_cache_key))
    running = hashlib.blake2b(name.encode() + b"\0", digest_size=16)
    start = 0
    for end in range(MIN_PREFIX_TOKENS, len(tokens) + 1, STEP_TOKENS):
        running.update("".join(tokens[start:end]).encode("utf-8", "surrogatepass"))
        yield end, running.digest()
        start = end
