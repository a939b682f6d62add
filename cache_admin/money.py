"""Money without floats."""

from __future__ import annotations

from decimal import Decimal

NANOUSD_PER_USD = 1_000_000_000


def usd_decimal(nanousd: int) -> Decimal:
    """`nanousd` in dollars, exactly."""
    return Decimal(nanousd).scaleb(-9)
