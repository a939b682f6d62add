"""What a call costs, in integer nano-USD, from the provider's own token counts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from routing.snapshot import PriceConfig

TOKENS_PER_PRICE = 1_000_000


class Usage(Struct, frozen=True, omit_defaults=True):
    """Tokens of one call by kind; `input_tokens` excludes what the provider cached."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_write_5m_input_tokens: int = 0
    cache_write_1h_input_tokens: int = 0

    @property
    def total_input_tokens(self) -> int:
        """All tokens of the prompt, whatever they were billed as."""
        return (
            self.input_tokens
            + self.cache_read_input_tokens
            + self.cache_write_5m_input_tokens
            + self.cache_write_1h_input_tokens
        )


NO_TOKENS = Usage()
"""What a call that no provider answered used."""


def cost_nanousd(usage: Usage, price: PriceConfig) -> int:
    """Cost of `usage` at `price`, rounded half up to a whole nano-USD once per call."""
    scaled = (
        usage.input_tokens * price.input
        + usage.output_tokens * price.output
        + usage.cache_read_input_tokens * price.cache_read
        + usage.cache_write_5m_input_tokens * price.cache_write_5m
        + usage.cache_write_1h_input_tokens * price.cache_write_1h
    )
    return (scaled + TOKENS_PER_PRICE // 2) // TOKENS_PER_PRICE


def price_at(prices: Iterable[PriceConfig], at: datetime) -> PriceConfig | None:
    """Of the price rows of one model, the one in force at `at`; None when there is none yet."""
    rows = [row for row in prices if row.valid_from <= at]
    return max(rows, key=lambda row: row.valid_from, default=None)
