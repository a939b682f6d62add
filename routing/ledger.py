"""What a call cost and what its answer from the cache saved, in integer nano-USD.

Only the provider's own token counts and the price table of the snapshot enter the account. The one
estimate is what a curated answer would have cost, for no provider ever counted it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct

from routing.prices import NO_TOKENS, Usage, cost_nanousd
from routing.snapshot import PriceConfig
from routing.telemetry.events import Avoided
from routing.types import Answer

BYTES_PER_TOKEN = 4
NANOUSD_PER_USD = 1_000_000_000

PriceOf = Callable[[str], PriceConfig | None]
"""Model name to the price row in force now."""


MAX_TOKENS = 1_000_000_000
"""Of one kind in one call. More is a mistake, and would not fit where money is kept."""


class PromptTokensDetails(Struct, frozen=True):
    """The cached share of a prompt, as OpenAI reports it."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class OpenAIUsage(Struct, frozen=True):
    """OpenAI's token counts; `prompt_tokens` includes what was read from or written to a cache."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: PromptTokensDetails | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one call; `priced` is False when the price table knows none of its models."""

    nanousd: int
    priced: bool = True


def usage_from_openai(usage: OpenAIUsage) -> Usage:
    """Tokens by kind. Writes to OpenAI's prompt cache have one price, kept as the 5 minute one."""
    details = usage.prompt_tokens_details or PromptTokensDetails()
    read = _count(details.cached_tokens)
    written = _count(details.cache_write_tokens)
    return Usage(
        input_tokens=max(_count(usage.prompt_tokens) - read - written, 0),
        output_tokens=_count(usage.completion_tokens),
        cache_read_input_tokens=read,
        cache_write_5m_input_tokens=written,
    )


def usage_from_loose(usage: object) -> Usage:
    """Tokens by kind from whatever a provider sent as `usage`; what is no count counts nothing."""
    if not isinstance(usage, dict):
        return NO_TOKENS
    details = usage.get("prompt_tokens_details")
    cached = details if isinstance(details, dict) else {}
    return usage_from_openai(
        OpenAIUsage(
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
            prompt_tokens_details=PromptTokensDetails(
                cached_tokens=_count(cached.get("cached_tokens")),
                cache_write_tokens=_count(cached.get("cache_write_tokens")),
            ),
        )
    )


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return min(max(value, 0), MAX_TOKENS)


def first_price(price_of: PriceOf, models: tuple[str, ...]) -> PriceConfig | None:
    """The price of the first of `models` that has one."""
    for model in models:
        if model and (price := price_of(model)) is not None:
            return price
    return None


def completion_cost(usage: Usage, *, models: tuple[str, ...], price_of: PriceOf) -> Cost:
    """What the provider charged for `usage`, at the price of the first of `models` that has one.

    `models` runs from the name the provider answered with to the name the app asked for, because
    providers answer with dated names that price lists rarely hold.
    """
    if usage == NO_TOKENS:
        return Cost(nanousd=0)
    price = first_price(price_of, models)
    if price is None:
        return Cost(nanousd=0, priced=False)
    return Cost(nanousd=cost_nanousd(usage, price))


def avoided_cost(
    answer: Answer, *, prompt_bytes: int, models: tuple[str, ...], price_of: PriceOf
) -> tuple[Avoided, bool]:
    """What a hit saved, booked to its layer, and whether a price was known for it.

    Stored answers: the tokens counted when they were made, at today's price, or the cost stored
    with them when the model has none today. Curated answers: an estimate at the price of the model
    that would have answered, four bytes a token. `prompt_bytes` is the length of the whole prompt.
    """
    if answer.layer == "faq":
        estimate = Usage(
            input_tokens=estimate_tokens(prompt_bytes),
            output_tokens=estimate_tokens(len(answer.text.encode())),
        )
        price = first_price(price_of, models)
        return Avoided(faq=cost_nanousd(estimate, price) if price else 0), price is not None
    price = first_price(price_of, (answer.model, *models))
    saved = cost_nanousd(answer.usage, price) if price else answer.cost_nanousd
    if answer.layer == "exact":
        return Avoided(exact=saved), price is not None
    return Avoided(semantic=saved), price is not None


def estimate_tokens(length: int) -> int:
    """Tokens of a text of `length` bytes, at four bytes a token, rounded up; an estimate."""
    return -(-length // BYTES_PER_TOKEN)


def usd(nanousd: int) -> str:
    """`nanousd` as an exact decimal number of US dollars."""
    sign = "-" if nanousd < 0 else ""
    whole, fraction = divmod(abs(nanousd), NANOUSD_PER_USD)
    return f"{sign}{whole}.{fraction:09d}"
