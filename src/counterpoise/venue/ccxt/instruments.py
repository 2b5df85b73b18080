"""Binance's exchangeInfo -> what can be traded, by unified symbol.

A symbol whose filters are not all there and positive is refused, never given a zero: an order by a guessed
step is worse than none. Quantities of spot and linear contracts are base units on the wire as well
(contract size 1). Symbols are written as ccxt writes them: ``BTC/USDT``, ``BTC/USDT:USDT``,
``BTC/USDT:USDT-260327``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from counterpoise.domain.instrument import Instrument, InstrumentKind
from counterpoise.domain.numbers import ONE, ZERO, dec
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.instants import from_ms

#: The delivery date of a contract that never delivers (Binance USD-M exchangeInfo).
_NEVER_MS = 4133404800000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An instrument and what the venue calls it."""

    instrument: Instrument
    scope: Scope
    id: str


class Catalogue:
    """The listings of one account, found by our symbol or by the venue's id; only time changes it (``expire``)."""

    def __init__(self, infos: Mapping[Scope, Any]) -> None:
        self.refused: dict[str, str] = {}
        self._by_symbol: dict[str, Listing] = {}
        self._symbols: dict[tuple[Scope, str], str] = {}
        for scope, info in infos.items():
            for row in info["symbols"]:
                self._add(scope, row)
        self.instruments: Mapping[str, Instrument] = {
            symbol: listing.instrument for symbol, listing in self._by_symbol.items()
        }
        self._ends = sorted(
            (each.expiry_at, symbol)
            for symbol, each in self.instruments.items()
            if each.active and each.expiry_at is not None
        )

    def keep(self, before: Catalogue) -> None:
        """Keep dated futures of ``before`` that are listed no more, not active.

        Their last fills and orders may still have to be asked for.
        """
        for symbol, listing in before._by_symbol.items():
            if listing.instrument.expiry_at is not None and symbol not in self._by_symbol:
                self._symbols[listing.scope, listing.id] = symbol
                self._end(symbol, listing)

    def _end(self, symbol: str, listing: Listing) -> None:
        dead = replace(listing.instrument, active=False)
        self._by_symbol[symbol] = replace(listing, instrument=dead)
        self.instruments = {**self.instruments, symbol: dead}

    def expire(self, now: datetime) -> bool:
        """Take what has ended by ``now`` for no longer active, whatever was listed. Return whether anything had."""
        ended = [symbol for at, symbol in self._ends if at <= now]
        for symbol in ended:
            self._end(symbol, self._by_symbol[symbol])
        self._ends = self._ends[len(ended) :]
        return bool(ended)

    def get(self, symbol: str) -> Listing | None:
        """Return the listing of ``symbol``, None when it is not listed or was refused."""
        return self._by_symbol.get(symbol)

    def symbol(self, scope: Scope, venue_id: str) -> str:
        """Return our symbol; the venue's own id where we have none, so that nothing held disappears.

        A dated future (``PAIR_YYMMDD``) that is listed no more is still named by its pair.
        """
        known = self._symbols.get((scope, venue_id))
        pair, _, day = venue_id.partition("_")
        if known is None and day:
            endless = self._symbols.get((scope, pair))
            return venue_id if endless is None else f"{endless}-{day}"
        return venue_id if known is None else known

    def _add(self, scope: Scope, row: Mapping[str, Any]) -> None:
        name = str(row.get("symbol"))
        try:
            made = spot_instrument(row) if scope is Scope.SPOT else futures_instrument(row)
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            self.refused[f"{scope}:{name}"] = str(error)
            return
        known = self._by_symbol.get(made.symbol)
        if known is not None and known.instrument.active and not made.active:
            return
        self._by_symbol[made.symbol] = Listing(instrument=made, scope=scope, id=name)
        self._symbols[scope, name] = made.symbol


def spot_instrument(row: Mapping[str, Any]) -> Instrument:
    """Return one spot row. Raises KeyError, TypeError or ValueError when a filter is missing or odd."""
    base, quote = _text(row, "baseAsset"), _text(row, "quoteAsset")
    return Instrument(
        symbol=f"{base}/{quote}",
        kind=InstrumentKind.SPOT,
        base=base,
        quote=quote,
        settle=None,
        active=row["status"] == "TRADING" and row.get("isSpotTradingAllowed") is not False,
        **_filters(row),
    )


def futures_instrument(row: Mapping[str, Any]) -> Instrument:
    """Return one linear USD-M row. Raises KeyError, TypeError or ValueError as for spot."""
    base, quote, settle = (_text(row, k) for k in ("baseAsset", "quoteAsset", "marginAsset"))
    if settle != quote:
        raise ValueError(f"expected a linear contract, was settled in {settle}")
    delivery_ms = row["deliveryDate"]
    if not isinstance(delivery_ms, int):
        raise TypeError(f"expected deliveryDate in ms, was {delivery_ms!r}")
    # some perpetuals carry another contract type (PERPETUAL of equities, rebased ones)
    endless = delivery_ms == _NEVER_MS or row["contractType"] == "PERPETUAL"
    expiry_at = None if endless else from_ms(delivery_ms)
    dated = f"-{expiry_at:%y%m%d}" if expiry_at is not None else ""
    return Instrument(
        symbol=f"{base}/{quote}:{settle}{dated}",
        kind=InstrumentKind.PERPETUAL if endless else InstrumentKind.FUTURE,
        base=base,
        quote=quote,
        settle=settle,
        contract_size=ONE,
        expiry_at=expiry_at,
        active=row.get("status", row.get("contractStatus")) == "TRADING",
        **_filters(row),
    )


def _filters(row: Mapping[str, Any]) -> dict[str, Any]:
    filters = {rule["filterType"]: rule for rule in row["filters"]}
    lot, price = filters["LOT_SIZE"], filters["PRICE_FILTER"]
    notional = filters.get("NOTIONAL") or filters["MIN_NOTIONAL"]
    least = notional["minNotional"] if "minNotional" in notional else notional["notional"]
    lot_size, tick_size = dec(lot["stepSize"]), dec(price["tickSize"])
    min_qty, max_qty, min_notional = dec(lot["minQty"]), dec(lot["maxQty"]), dec(least)
    if lot_size <= ZERO or tick_size <= ZERO or min_notional < ZERO:
        raise ValueError(f"expected positive steps, was lot {lot_size} tick {tick_size}")
    return {
        "lot_size": lot_size,
        "tick_size": tick_size,
        # the least quantity is a step even where the venue says 0
        "min_qty": max(min_qty, lot_size),
        "max_qty": max_qty if max_qty > ZERO else None,
        "min_notional": min_notional,
    }


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row[key]
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected {key}, was {value!r}")
    return value
