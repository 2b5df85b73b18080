"""What every replay must hold, as sentences about what broke; the exchange's own log is the judge.

A *band violation* is a stretch of looks outside the band that lasts longer than :data:`LONGEST` while data is fresh
and no guard keeps futures small for want of margin: what rests for its patience (2 minutes) and then crosses is done
long before that. It is none in bars that close with a perpetual further from its mark than ``max_slippage``
(20 bps): what crosses under that cap finds nobody until the next bar. Other bars that may be outside are named in
:data:`NAMED`, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.app.recorded import RecordedMarket
from counterpoise.domain.instrument import base_of
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.report.hedges import hedge_rows
from counterpoise.venue.sim import MarketKind, Wallet, default_rules
from tests.replay.cases import HOUR
from tests.replay.replayed import Replayed, halts, instant, outside

LONGEST = timedelta(minutes=30)

#: When a stretch outside the band began that may be longer, and why.
NAMED: Mapping[datetime, str] = {}


def judged(replay: Replayed) -> list[str]:
    """Return what ``replay`` broke, empty when it held everything."""
    checks = (_minima, _rejects, _bands, _halts, _net_short, _book, _money, _alive, _flows)
    return [line for check in checks for line in check(replay)]


def _minima(replay: Replayed) -> Iterator[str]:
    """Every order is one its market trades."""
    for event in replay.events("place"):
        kind = MarketKind(str(event["market"]))
        rule = replay.prepared.exchange.rule(kind, str(event["symbol"]))
        qty, price = dec(str(event["qty"])), dec(str(event["price"]))
        small = qty * price < rule.min_notional and not event["reduce_only"]
        if qty < rule.min_qty or small or qty % rule.lot_size or price % rule.tick_size:
            yield f"{instant(event)}: {event['side']} {qty} {kind} {event['symbol']} at {price} is below the minima"


def _rejects(replay: Replayed) -> Iterator[str]:
    """The exchange refuses nothing but post-only orders that would take."""
    for event in replay.events("reject"):
        if event["code"] != "would_take":
            yield f"{instant(event)}: {event['side']} {event['qty']} {event['symbol']} refused: {event['code']}"


def _bands(replay: Replayed) -> Iterator[str]:
    cap = replay.prepared.policy.execution.max_slippage
    for began, lasted in outside(replay.looks):
        if lasted <= LONGEST or began in NAMED:
            continue
        # every bar that closed in the stretch and left it more than LONGEST must be such a bar; what has to be seen
        # in two looks begins minutes after its bar
        first = began.replace(minute=0, second=0)
        hours = range((began + lasted - LONGEST - first) // HOUR + 1)
        if not {first + n * HOUR for n in hours} <= far_off(replay.prepared.market, cap):
            yield f"{began}: outside the band for {lasted}"


def _halts(replay: Replayed) -> Iterator[str]:
    """While spot is halted every look holds with its reason, and nothing is sent."""
    placed = [instant(event) for event in replay.events("place")]
    for closed, again in halts(replay.prepared.market):
        yield from (f"{at}: an order while spot is halted" for at in placed if closed <= at < again)
        inside = [look for look in replay.looks if closed <= look.at < again]
        if not inside:
            yield f"{closed}: nobody looked at the halt"
        yield from (
            f"{look.at}: held for {look.held} while spot is halted"
            for look in inside
            if "not_valued" not in look.held or look.sent
        )


def _net_short(replay: Replayed) -> Iterator[str]:
    for look in replay.looks:
        for asset, qty in look.exposures:
            if qty < 0:
                yield f"{look.at}: net short of {-qty} {asset}"


def _book(replay: Replayed) -> Iterator[str]:
    """What strategies have in each contract is what the exchange shows there."""
    book: dict[str, Decimal] = {}
    for line in replay.lines:
        if ":" in line.symbol:
            book[line.symbol] = book.get(line.symbol, ZERO) + line.qty
    for symbol, qty in book.items():
        shown = replay.position(f"{base_of(symbol)}USDT")
        if qty != shown:
            yield f"{symbol}: the hedge book holds {qty}, the exchange {shown}"


def _money(replay: Replayed) -> Iterator[str]:
    """Start + moved in + price PnL + funding - fees = end, to the last unit, in the futures wallet (MEANING 23)."""
    exchange = replay.prepared.exchange
    (key,) = exchange.accounts()
    perps = [rule.symbol for rule in exchange.rules() if rule.kind is MarketKind.PERP]
    # of all of them: where two strategies stand against each other there is no position
    marks = {
        ("sim", _unified(symbol)): mark
        for symbol in perps
        if (mark := exchange.book(MarketKind.PERP, symbol).mark) is not None
    }
    rows = hedge_rows(replay.closed, replay.lines, marks)
    wallet = exchange.account(key).futures["USDT"]
    end = wallet.wallet_balance + wallet.unrealized_pnl
    start = replay.prepared.balance.get((Wallet.FUTURES, "USDT"), ZERO)
    brought = sum((row.net for row in rows), ZERO)
    moved = sum((look.moved_in for look in replay.looks), ZERO)
    if start + moved + brought != end:
        yield (
            f"the futures wallet began with {start}, {moved} were moved in, hedges brought {brought},"
            f" it ends with {end}"
        )


def _alive(replay: Replayed) -> Iterator[str]:
    """No hedge is liquidated."""
    for event in replay.events("liquidation"):
        yield f"{instant(event)}: {event['side']} {event['qty']} {event['symbol']} was liquidated"


def _flows(replay: Replayed) -> Iterator[str]:
    """Nobody moved money in or out."""
    if replay.report.flows:
        yield f"deposits and withdrawals of {replay.report.flows} were booked"


def far_off(market: RecordedMarket, cap: Decimal) -> set[datetime]:
    """When bars close with a perpetual so far from its mark that crossing under ``cap`` finds nobody."""
    found: set[datetime] = set()
    marks = {
        s.symbol: {c.open_at: c.close for c in s.candles} for s in market.series if s.kind == "mark"
    }
    for perp in (s for s in market.series if s.kind == "perp"):
        tick = default_rules(perp.symbol, MarketKind.PERP).tick_size
        for candle in perp.candles:
            mark = marks.get(perp.symbol, {}).get(candle.open_at, candle.close)
            if (
                not mark * (1 - cap)
                <= candle.close - tick
                <= candle.close + tick
                <= mark * (1 + cap)
            ):
                found.add(candle.open_at + perp.interval)
    return found


def _unified(symbol: str) -> str:
    return f"{symbol.removesuffix('USDT')}/USDT:USDT"
