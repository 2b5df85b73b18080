"""The written form of a starting balance: ``BTC=1,USDT=50000,USDT@futures=20000``."""

from __future__ import annotations

import re
from decimal import Decimal

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import Wallet

FORM = "ASSET=QTY or ASSET@futures=QTY, parted by commas"
_ASSET = re.compile(r"^[A-Z0-9]{1,20}$")


def parse_balance(written: str) -> dict[tuple[Wallet, str], Decimal]:
    """Return the quantities per wallet and asset; an empty text is an empty account.

    Raises
    ------
    ValueError
        Naming the part that is not of the form, an unknown wallet, a negative quantity or an asset twice.
    """
    balance: dict[tuple[Wallet, str], Decimal] = {}
    for part in filter(None, (piece.strip() for piece in written.split(","))):
        name, equals, qty = part.partition("=")
        asset, _, wallet = name.strip().partition("@")
        if not equals or not _ASSET.match(asset):
            raise ValueError(f"balance: expected {FORM}, was {part!r}")
        key = (_wallet(wallet, part), asset)
        if key in balance:
            raise ValueError(f"balance: expected {name.strip()} once, was there twice")
        balance[key] = _qty(qty.strip(), part)
    return balance


def _wallet(name: str, part: str) -> Wallet:
    try:
        return Wallet(name) if name else Wallet.SPOT
    except ValueError:
        raise ValueError(f"balance: expected a wallet spot or futures, was {part!r}") from None


def _qty(written: str, part: str) -> Decimal:
    try:
        qty = dec(written)
    except ValueError:
        raise ValueError(f"balance: expected a quantity, was {part!r}") from None
    if qty < 0:
        raise ValueError(f"balance: expected a quantity >= 0, was {part!r}")
    return qty
