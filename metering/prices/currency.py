"""The smallest units of currencies, where they are not hundredths (ISO 4217)."""

from __future__ import annotations

from typing import Final

_WITHOUT_SMALLER_UNIT: Final = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
_THOUSANDTHS: Final = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


def currency_digits(currency: str) -> int:
    """How many digits after the point an amount of a currency has that somebody can pay."""
    if currency in _WITHOUT_SMALLER_UNIT:
        return 0
    return 3 if currency in _THOUSANDTHS else 2
