"""Money as people write it and as Dropcue keeps it: whole minor units of one ISO 4217 currency.

The number of minor digits is ISO 4217's: two, but for the currencies listed here.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

MAX_MINOR = 10**12  # of anything that a command tells: far beyond any sale, and exact on every screen
MAX_PRICE_MINOR = 10**10  # of one piece or coupon: beyond it a digit too many was typed


def _whole_minor(value: Any) -> Any:  # Any: whatever the command holds
    if type(value) is int and 0 <= value <= MAX_MINOR:
        return value
    raise PydanticCustomError(
        "minor_units",
        "money is a whole number of minor units from 0 to {most}, such as 12900 for 129.00; no text, sign or fraction",
        {"most": MAX_MINOR},
    )


Minor = Annotated[int, BeforeValidator(_whole_minor), Field(ge=0, le=MAX_MINOR)]
"""Money in a command."""


def _whole_price(value: Any) -> Any:  # Any: whatever the command holds
    if type(value) is int and 0 <= value <= MAX_PRICE_MINOR:
        return value
    raise PydanticCustomError(
        "price",
        "a price is a whole number of minor units from 0 to {most}, such as 12900 for 129.00; no text, sign or fraction",
        {"most": MAX_PRICE_MINOR},
    )


Price = Annotated[int, BeforeValidator(_whole_price), Field(ge=0, le=MAX_PRICE_MINOR)]
"""What one piece costs, in a command: within what a sheet's price may be."""

_NO_MINOR = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_MINOR = "BHD IQD JOD KWD LYD OMR TND"
_DIGITS = {**dict.fromkeys(_NO_MINOR.split(), 0), **dict.fromkeys(_THREE_MINOR.split(), 3)}

_AMOUNT = re.compile(r"([0-9]{1,13})(?:\.([0-9]+))?")  # 13 digits: beyond any sale, and its minor units fit in 64 bits


class MoneyError(ValueError):
    """The text is no amount of that currency; `str(error)` says why and how to write it."""


def minor_digits(currency: str) -> int:
    """How many digits stand behind the point in this currency: CNY 2, JPY 0, KWD 3."""
    return _DIGITS.get(currency, 2)


def to_minor(text: str, currency: str) -> int:
    """`"129.00"` in CNY is 12900. Never rounds: more digits than the currency has raise `MoneyError`."""
    digits = minor_digits(currency)
    example = "129" + ("." + "0" * digits if digits else "")
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise MoneyError(
            f'{text[:40]!r} is not an amount of {currency}; write it like "{example}", without sign or symbol'
        )
    whole, part = found[1], found[2] or ""
    if len(part) > digits:
        raise MoneyError(
            f'{text[:40]!r} has {len(part)} digits behind the point, {currency} has {digits}; write it like "{example}"'
        )
    return int(whole + part.ljust(digits, "0"))


def to_price(text: str, currency: str) -> int:
    """As `to_minor`, of one piece or coupon: at most `MAX_PRICE_MINOR`."""
    minor = to_minor(text, currency)
    if minor > MAX_PRICE_MINOR:
        most = to_major(MAX_PRICE_MINOR, currency)
        raise MoneyError(f'{text[:40]!r} is too much for one piece; write an amount from "0" to "{most}" {currency}')
    return minor


def to_major(minor: int, currency: str) -> str:
    """12900 in CNY is `"129.00"`: what `to_minor` reads back to the same number."""
    digits = minor_digits(currency)
    sign, figures = "-" if minor < 0 else "", str(abs(minor)).rjust(digits + 1, "0")
    return sign + (f"{figures[:-digits]}.{figures[-digits:]}" if digits else figures)
