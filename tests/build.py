"""Small, typed builders of domain values, so that a test names only what it is about.

The default world is one venue ``main`` and one portfolio ``treasury`` in USDT that wants 60 % BTC, 20 % SOL
and 20 % USDT, at noon of 2 June 2025. Numbers may be given as text, int or Decimal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from counterpoise.decide.scenery import scene_of
from counterpoise.domain.decision import Want
from counterpoise.domain.instrument import Instrument, InstrumentKind
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import (
    Fill,
    Order,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
    VenueOrder,
)
from counterpoise.domain.plan import Target
from counterpoise.domain.policy import Band, PortfolioPolicy, Sleeve
from counterpoise.domain.portfolio import PortfolioView, Universe, universe_of, view_of
from counterpoise.domain.records import PortfolioRecord, PositionRecord, Recorded, TradingState
from counterpoise.domain.scene import Scene
from counterpoise.domain.snapshot import (
    Account,
    Balance,
    FuturesWallet,
    Position,
    Quote,
    Snapshot,
    VenueSnapshot,
)
from counterpoise.domain.strategy import StrategyPolicy
from counterpoise.domain.transfer import Purse, Transfer, TransferState

Number = str | int | Decimal

NOW = datetime(2025, 6, 2, 12, tzinfo=UTC)
VENUE = "main"
PORTFOLIO = "treasury"
BTC_PERP = "BTC/USDT:USDT"
SOL_PERP = "SOL/USDT:USDT"


def perp(asset: str, quote: str = "USDT") -> str:
    """The symbol of the linear perpetual of ``asset``."""
    return f"{asset}/{quote}:{quote}"


def make_instrument(symbol: str = BTC_PERP, **changes: Any) -> Instrument:
    """An instrument whose kind, base, quote and settle follow from its unified symbol."""
    pair, _, settle = symbol.partition(":")
    base, _, quote = pair.partition("/")
    settle, _, expiry = settle.partition("-")
    kind = InstrumentKind.PERPETUAL if settle else InstrumentKind.SPOT
    made = Instrument(
        symbol=symbol,
        kind=InstrumentKind.FUTURE if expiry else kind,
        base=base,
        quote=quote,
        settle=settle or None,
        tick_size=dec("0.1"),
        lot_size=dec("0.001"),
        min_qty=dec("0.001"),
        min_notional=dec(5),
        inverse=bool(settle) and settle == base,
    )
    return replace(made, **changes)


def make_quote(symbol: str = BTC_PERP, price: Number = 100_000, **changes: Any) -> Quote:
    """Prices one tick of 0.1 around ``price``; a contract also gets it as mark."""
    middle = dec(price)
    made = Quote(
        symbol=symbol,
        bid=middle - dec("0.1"),
        ask=middle + dec("0.1"),
        last=middle,
        mark=middle if ":" in symbol else None,
        as_of=NOW,
    )
    return replace(made, **changes)


def make_position(
    symbol: str = BTC_PERP, qty: Number = "-1", mark: Number | None = None, **changes: Any
) -> Position:
    """A position opened at its mark: no profit yet."""
    price = None if mark is None else dec(mark)
    made = Position(
        symbol=symbol, qty=dec(qty), entry_price=price, mark_price=price, unrealized_pnl=ZERO
    )
    return replace(made, **changes)


def make_account(
    spot: Mapping[str, Number] | None = None,
    futures: Mapping[str, Number] | None = None,
    positions: Mapping[str, Number] | None = None,
    pnl: Mapping[str, Number] | None = None,
    **changes: Any,
) -> Account:
    """Coins per asset, futures wallets per asset (with ``pnl``), positions per asset or symbol."""
    profits = pnl or {}
    wallets = {
        asset: FuturesWallet(
            asset=asset,
            wallet_balance=dec(qty),
            unrealized_pnl=dec(profits.get(asset, 0)),
            available=dec(qty),
        )
        for asset, qty in (futures or {}).items()
    }
    held = {k if "/" in k else perp(k): q for k, q in (positions or {}).items()}
    made = Account(
        spot={a: Balance(asset=a, free=dec(q), locked=ZERO) for a, q in (spot or {}).items()},
        futures=wallets,
        positions={s: make_position(s, q) for s, q in held.items()},
        as_of=NOW,
    )
    return replace(made, **changes)


def make_venue_snapshot(
    account: Account | None,
    prices: Mapping[str, Number],
    instruments: Iterable[Instrument] | None = None,
    venue: str = VENUE,
    **changes: Any,
) -> VenueSnapshot:
    """One venue that lists a spot pair and a perpetual in USDT of every asset in ``prices``."""
    listed = (
        list(instruments)
        if instruments is not None
        else [make_instrument(s) for a in prices for s in (f"{a}/USDT", perp(a))]
    )
    quotes = [make_quote(i.symbol, prices[i.base]) for i in listed if i.base in prices]
    made = VenueSnapshot(
        venue=venue,
        account=account,
        quotes={q.symbol: q for q in quotes},
        open_orders=(),
        fills=(),
        instruments={i.symbol: i for i in listed},
    )
    return replace(made, **changes)


def make_snapshot(
    prices: Mapping[str, Number] | None = None,
    spot: Mapping[str, Number] | None = None,
    futures: Mapping[str, Number] | None = None,
    positions: Mapping[str, Number] | None = None,
    pnl: Mapping[str, Number] | None = None,
    instruments: Iterable[Instrument] | None = None,
    as_of: datetime = NOW,
) -> Snapshot:
    """One healthy look at one venue, taken at ``as_of`` with everything in it of that instant."""
    account = make_account(spot, futures, positions, pnl, as_of=as_of)
    seen = make_venue_snapshot(account, prices or {"BTC": 100_000, "SOL": 100}, instruments)
    quotes = {s: replace(q, as_of=as_of) for s, q in seen.quotes.items()}
    return make_venues_snapshot(replace(seen, quotes=quotes), as_of=as_of)


def make_venues_snapshot(*venues: VenueSnapshot, as_of: datetime = NOW) -> Snapshot:
    """Several venues in one look."""
    return Snapshot(portfolio=PORTFOLIO, as_of=as_of, venues={v.venue: v for v in venues})


def with_quote(snapshot: Snapshot, symbol: str, **changes: Any) -> Snapshot:
    """``snapshot`` with other prices for ``symbol``."""
    seen = snapshot.venues[VENUE]
    quotes = {**seen.quotes, symbol: replace(seen.quotes[symbol], **changes)}
    return with_venue(snapshot, quotes=quotes)


def with_venue(snapshot: Snapshot, venue: str = VENUE, **changes: Any) -> Snapshot:
    """``snapshot`` with another look at ``venue``."""
    seen = replace(snapshot.venues[venue], **changes)
    return replace(snapshot, venues={**snapshot.venues, venue: seen})


def make_sleeve(
    id_: str = "core",
    weight: Number = "0.6",
    assets: Mapping[str, Number] | None = None,
    band: Number | Band = "0.05",
    inner: Band | None = None,
) -> Sleeve:
    """A sleeve of BTC alone with an absolute band, unless said otherwise."""
    return Sleeve(
        id=id_,
        weight=dec(weight),
        assets={a: dec(w) for a, w in (assets or {"BTC": 1}).items()},
        band=band if isinstance(band, Band) else Band(size=dec(band)),
        inner=inner,
    )


def make_sleeves(band: Number | Band = "0.05") -> tuple[Sleeve, ...]:
    """Core 60 % BTC, satellite 20 % SOL, buffer 20 % USDT."""
    return (
        make_sleeve("core", "0.6", {"BTC": 1}, band),
        make_sleeve("satellite", "0.2", {"SOL": 1}, band),
        make_sleeve("buffer", "0.2", {"USDT": 1}, band),
    )


def make_policy(
    *strategies: StrategyPolicy, sleeves: tuple[Sleeve, ...] | None = None, **changes: Any
) -> PortfolioPolicy:
    """A portfolio of the default world; ``holdings`` may be given as numbers."""
    holdings = {a: dec(q) for a, q in changes.pop("holdings", {}).items()}
    made = PortfolioPolicy(
        id=PORTFOLIO,
        venues=(VENUE,),
        quote="USDT",
        sleeves=sleeves if sleeves is not None else make_sleeves(),
        strategies=strategies,
        holdings=holdings,
    )
    return replace(made, **changes)


def make_universe(policy: PortfolioPolicy, snapshot: Snapshot) -> Universe:
    """What ``policy`` trades of what ``snapshot`` lists."""
    return universe_of(policy, {v: s.instruments for v, s in snapshot.venues.items()})


def make_view(snapshot: Snapshot, policy: PortfolioPolicy) -> PortfolioView:
    """The value of ``snapshot``, which must have one."""
    view = view_of(snapshot, policy, make_universe(policy, snapshot))
    assert isinstance(view, PortfolioView), view
    return view


def make_scene(
    snapshot: Snapshot,
    policy: PortfolioPolicy,
    recorded: Recorded | None = None,
    calendar: Mapping[str, datetime] | None = None,
    **changes: Any,
) -> Scene:
    """What strategies of ``policy`` see of ``snapshot``; parts of the scene may be given outright."""
    made = scene_of(
        snapshot,
        recorded if recorded is not None else make_recorded(),
        policy,
        make_universe(policy, snapshot),
        make_view(snapshot, policy),
        calendar or {},
    )
    return replace(made, **changes)


def make_order(
    side: Side = Side.SELL, qty: Number = "0.1", price: Number = 100_000, **changes: Any
) -> Order:
    """A saved, unsent post-only order on the BTC perpetual."""
    made = Order(
        client_order_id="cp-test-order",
        portfolio=PORTFOLIO,
        venue=VENUE,
        symbol=BTC_PERP,
        side=side,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTX,
        qty=dec(qty),
        price=dec(price),
        reduce_only=False,
        decision_id="decision",
        rung=0,
        attempt=0,
        state=OrderState.PENDING,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(made, **changes)


def make_venue_order(order: Order, **changes: Any) -> VenueOrder:
    """``order`` as the venue reports it: open, nothing filled."""
    made = VenueOrder(
        symbol=order.symbol,
        client_order_id=order.client_order_id,
        venue_order_id=f"v-{order.client_order_id}",
        side=order.side,
        qty=order.qty,
        filled_qty=ZERO,
        price=order.price,
        state=OrderState.OPEN,
        reduce_only=order.reduce_only,
    )
    return replace(made, **changes)


def make_fill(
    side: Side = Side.SELL, qty: Number = "0.1", price: Number = 100_000, **changes: Any
) -> Fill:
    """An execution on the BTC perpetual without a fee."""
    made = Fill(
        venue=VENUE,
        symbol=BTC_PERP,
        trade_id="1",
        venue_order_id="v-1",
        side=side,
        qty=dec(qty),
        price=dec(price),
        fee=ZERO,
        fee_asset="USDT",
        maker=True,
        filled_at=NOW,
    )
    return replace(made, **changes)


def make_recorded(
    *orders: Order,
    targets: Iterable[Target] = (),
    positions: Iterable[PositionRecord] = (),
    state: TradingState = TradingState.RUN,
    **changes: Any,
) -> Recorded:
    """What the store knows of the default portfolio."""
    made = Recorded(
        portfolio=PortfolioRecord(
            id=PORTFOLIO, trading_state=state, config_hash="hash", started_at=NOW
        ),
        strategies={},
        targets={(t.venue, t.symbol): t for t in targets},
        positions={(p.venue, p.symbol): p for p in positions},
        orders=orders,
    )
    return replace(made, **changes)


def make_want(qty: Number = "-0.5", symbol: str = BTC_PERP, venue: str = VENUE) -> Want:
    """The position wanted in one contract."""
    return Want(venue=venue, symbol=symbol, asset=symbol.partition("/")[0], qty=dec(qty))


def make_transfer(**changes: Any) -> Transfer:
    """Build 5,000 USDT on their way from the spot to the futures wallet, not sent yet."""
    fields: dict[str, Any] = {
        "id": "tr1",
        "portfolio": "treasury",
        "venue": "main",
        "asset": "USDT",
        "qty": dec(5000),
        "source": Purse.SPOT,
        "target": Purse.FUTURES,
        "state": TransferState.PENDING,
        "created_at": NOW,
        "updated_at": NOW,
        "source_before": dec(20_000),
        "target_before": dec(10_000),
        "why": "top up",
    }
    return Transfer(**(fields | changes))
