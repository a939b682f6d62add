"""The sandbox's own account: calls, tokens by kind and money, by model and in total.

Prices and arithmetic here are the sandbox's own on purpose; nothing is taken from the product's
ledger, or reconciling the two would prove nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct


@dataclass(frozen=True, slots=True)
class ListPrice:
    """Prices of one model in USD per million tokens; `cache_write` None: writes are not billed."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal | None = None


@dataclass(frozen=True, slots=True)
class TokenCount:
    """Tokens of one call by kind; `input_tokens` is what was neither read nor written."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


class Account(Struct):
    """Sums of the calls that were billed."""

    calls: int = 0
    input_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_write_input_tokens: int = 0
    output_tokens: int = 0
    cost_nanousd: int = 0


class Reading(Struct):
    """The whole meter. `errors`: refused calls by HTTP status, not billed. `abandoned`: billed
    calls whose client left, or was cut off, before the end of the answer."""

    total: Account
    models: dict[str, Account]
    errors: dict[str, int]
    abandoned: int


def _price(input_: str, output: str, read: str, write: str | None = None) -> ListPrice:
    return ListPrice(
        input=Decimal(input_),
        output=Decimal(output),
        cache_read=Decimal(read),
        cache_write=None if write is None else Decimal(write),
    )


OPENAI_PRICES = {
    "gpt-4o": _price("2.5", "10", "1.25"),
    "gpt-4o-mini": _price("0.15", "0.6", "0.075"),
    "gpt-4.1": _price("2", "8", "0.5"),
    "gpt-4.1-mini": _price("0.4", "1.6", "0.1"),
    "gpt-5": _price("1.25", "10", "0.125"),
    "gpt-5-mini": _price("0.25", "2", "0.025"),
    "gpt-5.6-luna": _price("0.2", "1.2", "0.02", "0.25"),
    "gpt-5.6-terra": _price("2", "12", "0.2", "2.5"),
    "gpt-6-luna": _price("0.1", "0.5", "0.01", "0.125"),
    "gpt-6.1-sol": _price("2", "10", "0.1", "2.5"),
    "o3": _price("2", "8", "0.5"),
    "o4-mini": _price("1.1", "4.4", "0.275"),
}

EMBEDDING_PRICES = {
    "text-embedding-3-small": _price("0.02", "0", "0.02"),
    "text-embedding-3-large": _price("0.13", "0", "0.13"),
    "text-embedding-ada-002": _price("0.1", "0", "0.1"),
}

# One million tokens at 1 USD are 10^9 nano-USD, so one token is 1,000.
_NANOUSD_PER_TOKEN_AT_ONE_USD = Decimal(1000)


def call_cost_nanousd(tokens: TokenCount, price: ListPrice) -> int:
    """What one call costs, rounded half up to a whole nano-USD."""
    write_price = price.input if price.cache_write is None else price.cache_write
    usd_per_million = (
        tokens.input_tokens * price.input
        + tokens.output_tokens * price.output
        + tokens.cache_read_tokens * price.cache_read
        + tokens.cache_write_tokens * write_price
    )
    nanousd = usd_per_million * _NANOUSD_PER_TOKEN_AT_ONE_USD
    return int(nanousd.quantize(Decimal(1), rounding=ROUND_HALF_UP))


class Meter:
    """Counts what the sandbox served since start or the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start the account anew."""
        self._total = Account()
        self._models: dict[str, Account] = {}
        self._errors: Counter[str] = Counter()
        self._abandoned = 0

    def bill(self, model: str, tokens: TokenCount, *, price: ListPrice) -> None:
        """Book one call of `model`."""
        cost = call_cost_nanousd(tokens, price)
        for account in (self._total, self._models.setdefault(model, Account())):
            account.calls += 1
            account.input_tokens += tokens.input_tokens
            account.cache_read_input_tokens += tokens.cache_read_tokens
            account.cache_write_input_tokens += tokens.cache_write_tokens
            account.output_tokens += tokens.output_tokens
            account.cost_nanousd += cost

    def count_error(self, status: int) -> None:
        """Note a call that was refused with `status` and not billed."""
        self._errors[str(status)] += 1

    def count_abandoned(self) -> None:
        """Note a billed call whose answer did not arrive whole."""
        self._abandoned += 1

    def reading(self) -> Reading:
        """The account as it stands."""
        return Reading(
            total=self._total,
            models=self._models,
            errors=dict(self._errors),
            abandoned=self._abandoned,
        )
