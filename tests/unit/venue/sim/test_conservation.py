"""Nothing is ever made or lost: random orders, cancels, moves of money, jumps and time on a synthetic market.

Money comes from outside and leaves, and a dated future is traded too and ends in the middle of it.

After every single step the books of all accounts and the house add up to zero, every invariant of matching
holds on the truth log, and every account's equity is explained exactly by prices, funding, fees and flows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cache, partial
from itertools import chain, product

from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.domain.numbers import ZERO, dec, nearest_step
from counterpoise.venue.sim import (
    MarketKind,
    OrderKind,
    PlaceRequest,
    Side,
    SimExchange,
    SimReject,
    SimTrade,
    SyntheticMarket,
    TimeInForce,
    Wallet,
    dated_series,
    default_rules,
    synthetic_market,
)

SYMBOLS = ("BTCUSDT", "ETHUSDT")
DATED = "BTCUSDT_250106"
MARKETS = (*product(MarketKind, SYMBOLS), (MarketKind.PERP, DATED))
PARTICIPATION = dec("0.1")
BALANCE: Mapping[tuple[Wallet, str], Decimal] = {
    (Wallet.SPOT, "BTC"): dec("1.5"),
    (Wallet.SPOT, "ETH"): dec("12.00000001"),
    (Wallet.SPOT, "USDT"): dec("40000.12345678"),
    (Wallet.FUTURES, "USDT"): dec(30_000),
}
Step = Callable[[SimExchange], object]


@cache
def market() -> SyntheticMarket:
    """Half a day with two funding instants in it; noisy enough to fill. The dated future ends after five hours."""
    made = synthetic_market(seed=7, hours=12)
    (coin,) = (each for each in made.series if (each.kind, each.symbol) == ("spot", "BTCUSDT"))
    expiry_at = coin.candles[0].open_at + timedelta(hours=5)
    rule = replace(default_rules(DATED, MarketKind.PERP), expiry_at=expiry_at)
    future = dated_series(coin, DATED, expiry_at, dec("0.1"), rule.tick_size)
    return made._replace(rules=(*made.rules, rule), series=(*made.series, future))


def new_exchange() -> SimExchange:
    made = market()
    start = made.series[0].candles[0].open_at
    exchange = SimExchange(
        rules=made.rules,
        series=made.series,
        funding=made.funding,
        now=start,
        participation=PARTICIPATION,
    )
    for _ in range(2):
        exchange.open_account(BALANCE)
    return exchange


def place(
    who: int,
    market_of: tuple[MarketKind, str],
    side: Side,
    usdt: int,
    away_bps: int | None,
    time: TimeInForce,
    reduce_only: bool,
    exchange: SimExchange,
) -> None:
    """Place an order ``away_bps`` on the passive side of the last price (negative: across it), None at market."""
    kind, symbol = market_of
    rule = exchange.rule(kind, symbol)
    last = exchange.book(kind, symbol).last
    price = None
    if away_bps is not None:
        price = nearest_step(last * (10_000 - side.sign * away_bps) / 10_000, rule.tick_size)
    exchange.place(
        exchange.accounts()[who],
        PlaceRequest(
            kind=kind,
            symbol=symbol,
            side=side,
            order_kind=OrderKind.MARKET if price is None else OrderKind.LIMIT,
            qty=nearest_step(usdt / last, rule.lot_size),
            price=price,
            time_in_force=time,
            reduce_only=reduce_only and kind is MarketKind.PERP,
        ),
    )


def cancel_oldest(who: int, kind: MarketKind, exchange: SimExchange) -> None:
    key = exchange.accounts()[who]
    for order in exchange.orders(key, kind, open_only=True)[:1]:
        exchange.cancel(key, kind, order.symbol, order_id=order.order_id)


def transfer(who: int, cents: int, into_futures: bool, exchange: SimExchange) -> None:
    wallets = (Wallet.SPOT, Wallet.FUTURES) if into_futures else (Wallet.FUTURES, Wallet.SPOT)
    exchange.transfer(exchange.accounts()[who], "USDT", Decimal(cents) / 100, *wallets)


def flow(who: int, wallet: Wallet, asset: str, cents: int, exchange: SimExchange) -> None:
    """Deposit, or (below zero) withdraw."""
    act = exchange.deposit if cents > 0 else exchange.withdraw
    act(exchange.accounts()[who], wallet, asset, Decimal(abs(cents)) / 100)


def jump(symbol: str, bps: int, exchange: SimExchange) -> None:
    last = exchange.book(MarketKind.SPOT, symbol).last
    exchange.set_price(symbol, last * (10_000 + bps) / 10_000)


def wait(minutes: int, exchange: SimExchange) -> None:
    exchange.advance(Decimal(minutes * 60))


accounts = st.integers(0, 1)
symbols = st.sampled_from(SYMBOLS)
placing = st.builds(
    partial,
    st.just(place),
    accounts,
    st.sampled_from(MARKETS),
    st.sampled_from(Side),
    st.integers(200, 60_000),
    st.one_of(st.none(), st.integers(-15, 40), st.integers(1, 15)),
    st.sampled_from(TimeInForce),
    st.booleans(),
)
meddling = st.one_of(
    st.builds(partial, st.just(cancel_oldest), accounts, st.sampled_from(MarketKind)),
    st.builds(partial, st.just(transfer), accounts, st.integers(1, 3_000_000), st.booleans()),
    st.builds(
        partial,
        st.just(flow),
        accounts,
        st.sampled_from(Wallet),
        st.sampled_from(("USDT", "USDT", "BTC", "ETH")),
        st.one_of(st.integers(-100, 100), st.integers(-3_000_000, 3_000_000)),
    ),
    st.builds(partial, st.just(jump), symbols, st.integers(-300, 300)),
)
waiting = st.builds(partial, st.just(wait), st.integers(15, 90))
# long histories whose steps follow each other as in trading: orders, something else, time
rounds = st.tuples(placing, placing, placing, st.one_of(placing, meddling), waiting)
histories = st.lists(rounds, min_size=6, max_size=14).map(lambda found: list(chain(*found)))


def books_add_up(exchange: SimExchange) -> None:
    total: dict[str, Decimal] = defaultdict(lambda: ZERO, exchange.house())
    for key in exchange.accounts():
        view = exchange.account(key)
        for asset, balance in view.spot.items():
            assert balance.free >= 0, f"{asset}: more is locked than held"
            assert balance.locked >= 0
            total[asset] += balance.total
        for asset, wallet in view.futures.items():
            total[asset] += wallet.wallet_balance
    assert set(total.values()) == {ZERO}


def all_trades(exchange: SimExchange, key: str) -> list[SimTrade]:
    return [trade for kind, symbol in MARKETS for trade in exchange.trades(key, kind, symbol)]


def equity(exchange: SimExchange, key: str) -> Decimal:
    view = exchange.account(key)
    coins = sum((worth(exchange, asset) * b.total for asset, b in view.spot.items()), ZERO)
    return coins + sum((w.margin_balance for w in view.futures.values()), ZERO)


def worth(exchange: SimExchange, asset: str) -> Decimal:
    return dec(1) if asset == "USDT" else exchange.book(MarketKind.SPOT, f"{asset}USDT").last


def price_of(exchange: SimExchange, trade: SimTrade) -> Decimal:
    """What a trade is worth today: a contract that ended stays at its settlement price."""
    ended = exchange.delivery(DATED)
    if trade.symbol == DATED and ended is not None:
        return ended.price
    book = exchange.book(trade.kind, trade.symbol)
    return book.last if book.mark is None else book.mark


def equity_is_explained(exchange: SimExchange, key: str, at_start: Mapping[str, Decimal]) -> None:
    """Start + price PnL + funding + insurance - fees + flows = end equity; what came in counts at today's price."""
    start = sum((at_start[asset] * qty for (_, asset), qty in BALANCE.items()), ZERO)
    held_pnl = sum(
        ((worth(exchange, asset) - at_start[asset]) * qty for (_, asset), qty in BALANCE.items()),
        ZERO,
    )
    trades = all_trades(exchange, key)
    traded_pnl = sum(
        ((price_of(exchange, t) - t.price) * t.qty * t.side.sign for t in trades), ZERO
    )
    fees = sum((worth(exchange, t.fee_asset) * t.fee for t in trades), ZERO)
    booked = {"funding", "insurance_clear"}
    funding = sum((i.qty for i in exchange.income(key) if i.kind in booked), ZERO)
    flows = sum((worth(exchange, f.asset) * f.qty for f in exchange.flows(key)), ZERO)
    assert start + held_pnl + traded_pnl + funding - fees + flows == equity(exchange, key)


def matching_kept_its_rules(exchange: SimExchange) -> None:
    """Reduce-only only reduces, post-only only rests, and a bar gives no more than its share."""
    positions: dict[tuple[object, object], Decimal] = defaultdict(lambda: ZERO)
    for event in exchange.log.after(0):
        who = (event["account"], event["symbol"])
        if event["event"] == "settlement":
            assert positions.pop(who) == dec(str(event["qty"]))
        trades = {"fill", "liquidation", "deleverage"}
        if event["event"] not in trades or event["market"] != "perp":
            continue
        before = positions[who]
        signed = dec(str(event["qty"])) * (1 if event["side"] == "buy" else -1)
        positions[who] = before + signed
        if event["reduce_only"]:
            assert abs(before + signed) < abs(before)
            assert before * (before + signed) >= 0
    for key in exchange.accounts():
        held = {p.symbol: p.qty for p in exchange.account(key).positions}
        for symbol in (*SYMBOLS, DATED):
            assert positions[key, symbol] == held.get(symbol, ZERO)
        for kind in MarketKind:
            for order in exchange.orders(key, kind):
                if order.time_in_force is TimeInForce.POST_ONLY:
                    fills = exchange.trades(key, kind, order.symbol, order_id=order.order_id)
                    assert all(fill.maker for fill in fills)
                assert order.filled_qty <= order.qty


def bars_gave_their_share(exchange: SimExchange) -> None:
    volumes = {
        (each.kind, each.symbol, bar.open_at + each.interval): bar.volume
        for each in market().series
        for bar in each.candles
    }
    given_by: dict[tuple[str, str, object], Decimal] = defaultdict(lambda: ZERO)
    for key in exchange.accounts():
        for trade in all_trades(exchange, key):
            if trade.maker:
                given_by[trade.kind.value, trade.symbol, trade.at] += trade.qty
    for (kind, symbol, at), qty in given_by.items():
        assert qty <= PARTICIPATION * volumes[kind, symbol, at]  # type: ignore[index]  # the three kinds


@settings(max_examples=60)
@given(histories)
def test_random_histories(history: list[Step]) -> None:
    exchange = new_exchange()
    at_start = {asset: worth(exchange, asset) for asset in ("BTC", "ETH", "USDT")}
    jumped = False
    for step in history:
        with suppress(SimReject):
            step(exchange)
        jumped = jumped or getattr(step, "func", None) is jump
        books_add_up(exchange)
        for key in exchange.accounts():
            equity_is_explained(exchange, key, at_start)
    matching_kept_its_rules(exchange)
    if not jumped:  # a jump fills at instants of its own
        bars_gave_their_share(exchange)


@settings(max_examples=15)
@given(histories)
def test_the_same_calls_write_the_same_log(history: list[Step]) -> None:
    logs = []
    for _ in range(2):
        exchange = new_exchange()
        for step in history:
            with suppress(SimReject):
                step(exchange)
        logs.append(exchange.log.after(0))
    assert logs[0] == logs[1]


def test_the_random_histories_really_trade() -> None:
    """A guard on the test itself: the steps above fill, rest, reduce and pay funding."""
    exchange = new_exchange()
    perp = (MarketKind.PERP, "BTCUSDT")
    place(0, perp, Side.SELL, 20_000, None, TimeInForce.GTC, False, exchange)
    place(0, perp, Side.BUY, 10_000, 10, TimeInForce.POST_ONLY, True, exchange)
    place(0, (MarketKind.PERP, DATED), Side.SELL, 5_000, None, TimeInForce.GTC, False, exchange)
    place(1, (MarketKind.SPOT, "ETHUSDT"), Side.BUY, 5_000, 10, TimeInForce.GTC, False, exchange)
    flow(0, Wallet.SPOT, "BTC", 50, exchange)
    flow(0, Wallet.FUTURES, "USDT", -100_000, exchange)
    assert len(exchange.flows(exchange.accounts()[0])) == 2
    exchange.advance_to(exchange.now + timedelta(hours=9))
    kinds = {income.kind for income in exchange.income(exchange.accounts()[0])}
    assert kinds == {"commission", "realized_pnl", "funding", "settlement"}
    assert exchange.trades(exchange.accounts()[1], MarketKind.SPOT, "ETHUSDT")
    matching_kept_its_rules(exchange)
    bars_gave_their_share(exchange)
