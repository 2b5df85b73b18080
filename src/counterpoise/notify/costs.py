"""What hedges earned and cost, as values and in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from counterpoise.domain.numbers import ZERO, quantize, significant, text

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a contract's hedges earned and cost, in quote.

    ``price``: realised by prices (a gain > 0), ``funding``: received > 0, ``fees``: paid > 0. ``over``: nothing is open
    any more, so that it is all of it. ``open_price``: what is open would bring by prices, None: a mark is not known.
    """

    price: Decimal = ZERO
    funding: Decimal = ZERO
    fees: Decimal = ZERO
    over: bool = False
    open_price: Decimal | None = None

    @property
    def earned(self) -> Decimal:
        """What is left of what is booked: > 0 earned, < 0 paid."""
        return self.price + self.funding - self.fees

    @property
    def data(self) -> Mapping[str, str]:
        """What programs are given of it; a price of what is open that is not known is left out."""
        opened = {"open_pnl": text(self.open_price)} if self.open_price is not None else {}
        return {
            "price_pnl": text(self.price),
            "funding": text(self.funding),
            "fees": text(self.fees),
            "earned": text(self.earned),
            **opened,
        }


def cost_words(cost: Cost, quote: str, what: str = "it") -> str:
    """Return what ``what`` earned or cost, and what that is made of, the sign in words.

    While something is open its price gain is part of it, as far as the mark is known.
    """
    valued = not cost.over and cost.open_price is not None
    opened = cost.open_price if valued and cost.open_price is not None else ZERO
    parts = [
        (opened, "open price gain", "open price loss"),
        (cost.price, "realised price gain", "realised price loss"),
        (cost.funding, "funding received", "funding paid"),
        (-cost.fees, "fees returned", "fees"),
    ]
    found = [(worth, gained if worth > 0 else lost) for worth, gained, lost in parts if worth]
    # what is shown adds up as it is shown
    whole = sum((_shown(worth) for worth, _ in found), ZERO)
    begins = f"{'In all' if cost.over else 'So far'} {what}"
    ends = "" if cost.over or valued else ", the open price gain left out"
    if not found:
        return f"{begins} cost nothing{ends}"
    said = f"{begins} {'earned' if whole > 0 else 'cost'} {money(abs(whole))} {quote}"
    if opened:
        said = f"{begins} {_be(what)} {'up' if whole > 0 else 'down'} {money(abs(whole))} {quote}"
    if not whole:
        said = f"{begins} earned and cost the same"
    if len(found) == 1:
        return f"{said} ({found[0][1]}){ends}"
    return f"{said}: {', '.join(f'{words} {money(abs(worth))}' for worth, words in found)}{ends}"


def money(amount: Decimal) -> str:
    """Return an amount (>= 0) to the cent with separators, ``1,461.90``; finer where it is less than a cent."""
    return f"{quantize(amount, _CENT):,}" if amount >= _CENT else text(significant(amount, 2))


def _shown(worth: Decimal) -> Decimal:
    return quantize(worth, _CENT) if abs(worth) >= _CENT else worth


def _be(what: str) -> str:
    return "is" if what == "it" else "are"
