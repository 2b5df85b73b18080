"""What goes wrong in a swarm: how likely each fault is, and what the script does at its instants.

A script stands for everybody else: the market, the account's owner, the operator, the exchange itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random  # noqa: TID251 - seeded: the same run for the same seed

from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import CommandKind
from counterpoise.plan.ids import is_own
from counterpoise.venue.sim import (
    MarginType,
    MarketKind,
    OrderKind,
    PlaceRequest,
    Side,
    SimReject,
    Wallet,
)
from tests.prove.life import Play
from tests.prove.process import Process
from tests.prove.rough import Weather
from tests.prove.swarm import PRICES, Operator
from tests.prove.trace import Trace

SECOND = timedelta(seconds=1)
#: Fault -> its highest rate, per request (reads and points are many, so theirs are low).
RATES = {
    "place lost": 0.3,
    "place unanswered": 0.3,
    "place unanswered later": 0.2,
    "place later": 0.3,
    "place slow": 0.3,
    "place refused for now": 0.3,
    "place refused": 0.1,
    "cancel lost": 0.5,
    "cancel unanswered": 0.5,
    "cancel refused": 0.3,
    "cancel later": 0.4,
    "account fails": 0.2,
    "quotes fails": 0.2,
    "open_orders fails": 0.2,
    "order fails": 0.4,
    "fills fails": 0.3,
    "ledger fails": 0.3,
    "transfers fails": 0.3,
    "margin_tiers fails": 0.3,
    "transfer lost": 0.4,
    "transfer unanswered": 0.4,
    "commit fails": 0.1,
    "commit unanswered": 0.05,
    "sink fails": 0.3,
    "sink unanswered": 0.2,
    "death": 0.01,
}
#: What the script does, a few times in a seed that has it.
ACTS = (
    "blind",
    "lag",
    "locked",
    "deaf",
    "jump",
    "wick",
    "trade by hand",
    "order by hand",
    "cancel by hand",
    "deposit",
    "withdraw",
    "deleverage",
    "leverage",
    "clock",
    "pause",
    "reduce",
    "flatten",
)


@dataclass(slots=True)
class Run:
    """A seed as it runs, and what came of it."""

    scene: Play
    weather: Weather
    trace: Trace
    operator: Operator
    process: Process
    heals_at: datetime
    complaints: list[str] = field(default_factory=list)
    took: timedelta | None = None
    excused: tuple[str, ...] = ()
    paused: timedelta = timedelta(0)

    @property
    def log_hash(self) -> str:
        """A hash of the exchange's truth log."""
        return hashlib.sha256(json.dumps(self.scene.exchange.log.after(0)).encode()).hexdigest()


def rates_of(random: Random) -> dict[str, float]:
    names = random.sample(sorted(RATES), random.randrange(0, 11))
    return {name: RATES[name] * random.choice([0.2, 0.5, 1.0]) for name in names}


def act_of(kind: str, run: Run) -> Callable[[], None]:
    """Return what the script does; what the exchange refuses is not done."""
    random = run.weather.random
    asset = random.choice(sorted(PRICES))
    span = timedelta(seconds=random.randrange(5, 60))

    def done() -> None:
        if run.weather.on and run.weather.count(kind):
            try:
                _ACT[kind](run, asset, span)
            except SimReject:
                return

    return done


def _lasting(name: str) -> Callable[[Run, str, timedelta], None]:
    def begin(run: Run, _asset: str, span: timedelta) -> None:
        setattr(run.weather, name, True)
        _later(run, span, lambda: setattr(run.weather, name, False))

    return begin


def _later(run: Run, span: timedelta, act: Callable[[], None]) -> None:
    run.scene.clock.at(run.scene.clock.market_now + span, act)


def _lag(run: Run, _asset: str, span: timedelta) -> None:
    run.weather.lagging = run.scene.exchange.replica()
    _later(run, min(span, 25 * SECOND), lambda: setattr(run.weather, "lagging", None))


def last_price(scene: Play, asset: str) -> Decimal:
    """Where a contract stands."""
    return scene.exchange.book(MarketKind.PERP, f"{asset}USDT").last


def _jump(run: Run, asset: str, _span: timedelta) -> None:
    factor = dec(run.weather.random.choice(["0.98", "0.995", "0.999", "1.001", "1.006", "1.02"]))
    run.scene.exchange.set_price(f"{asset}USDT", last_price(run.scene, asset) * factor)


def _wick(run: Run, asset: str, span: timedelta) -> None:
    before = last_price(run.scene, asset)
    factor = dec(run.weather.random.choice(["0.8", "0.96", "1.05"]))
    run.scene.exchange.set_price(f"{asset}USDT", before * factor)
    _later(run, span / 6, lambda: run.scene.exchange.set_price(f"{asset}USDT", before))


def by_hand(scene: Play, asset: str, side: Side, qty: Decimal, price: Decimal | None) -> None:
    """The account's owner trades, or leaves an order, beside the daemon. Raises SimReject."""
    scene.exchange.place(
        scene.api_key,
        PlaceRequest(
            kind=MarketKind.PERP,
            symbol=f"{asset}USDT",
            side=side,
            order_kind=OrderKind.MARKET if price is None else OrderKind.LIMIT,
            qty=qty,
            price=price,
            client_order_id=f"by-hand-{scene.exchange.log.next_seq}",
        ),
    )


def _trade(run: Run, asset: str, _span: timedelta) -> None:
    side = run.weather.random.choice(list(Side))
    qty = {"BTC": dec("0.05"), "ETH": dec("0.8")}[asset]
    by_hand(run.scene, asset, side, qty, None)


def _order(run: Run, asset: str, _span: timedelta) -> None:
    far = last_price(run.scene, asset) * dec("0.9")
    by_hand(run.scene, asset, Side.BUY, dec("0.1"), far - far % 1)


def cancel_by_hand(scene: Play, random: Random) -> None:
    """The account's owner takes down an order of ours, if there is one."""
    orders = [
        o
        for kind in MarketKind
        for o in scene.exchange.orders(scene.api_key, kind, open_only=True)
        if is_own(o.client_order_id)
    ]
    if orders:
        order = random.choice(orders)
        scene.exchange.cancel(scene.api_key, order.kind, order.symbol, order_id=order.order_id)


def _flow(sign: int) -> Callable[[Run, str, timedelta], None]:
    def move(run: Run, asset: str, _span: timedelta) -> None:
        scene = run.scene
        qty = {"BTC": dec("0.1"), "ETH": dec("1.5")}[asset]
        act = scene.exchange.deposit if sign > 0 else scene.exchange.withdraw
        act(scene.api_key, Wallet.SPOT, asset, qty)

    return move


def deleverage(scene: Play, asset: str, part: Decimal = dec("0.5")) -> None:
    """The exchange takes a part of a position. Raises SimReject where there is none."""
    held = {p.symbol: p.qty for p in scene.exchange.account(scene.api_key).positions}
    qty = abs(held.get(f"{asset}USDT", dec(0))) * part
    scene.exchange.deleverage(scene.api_key, f"{asset}USDT", qty - qty % dec("0.001"))


def _leverage(run: Run, asset: str, _span: timedelta) -> None:
    run.scene.exchange.set_leverage(run.scene.api_key, f"{asset}USDT", 8)


def _clock(run: Run, _asset: str, _span: timedelta) -> None:
    run.scene.clock.offset = run.weather.random.choice([-2, 2]) * SECOND


def _say(kind: CommandKind) -> Callable[[Run, str, timedelta], None]:
    return lambda run, _asset, _span: run.operator.say(run.scene, kind)


_ACT: dict[str, Callable[[Run, str, timedelta], None]] = {
    "blind": _lasting("blind"),
    "lag": _lag,
    "locked": _lasting("locked"),
    "deaf": _lasting("deaf"),
    "jump": _jump,
    "wick": _wick,
    "trade by hand": _trade,
    "order by hand": _order,
    "cancel by hand": lambda run, _a, _s: cancel_by_hand(run.scene, run.weather.random),
    "deposit": _flow(1),
    "withdraw": _flow(-1),
    "deleverage": lambda run, asset, _s: deleverage(run.scene, asset),
    "leverage": _leverage,
    "clock": _clock,
    "pause": _say(CommandKind.PAUSE),
    "reduce": _say(CommandKind.REDUCE_ONLY),
    "flatten": _say(CommandKind.FLATTEN),
}


def heal(run: Run) -> None:
    """Let all be well, and its owner put back what was changed."""
    scene = run.scene
    run.weather.clear()
    scene.clock.offset = timedelta(0)
    for asset in PRICES:
        if scene.exchange.account(scene.api_key).margin_types.get(f"{asset}USDT") is not None:
            _try(
                lambda a=asset: scene.exchange.set_margin_type(
                    scene.api_key, f"{a}USDT", MarginType.CROSS
                )
            )  # type: ignore[misc]  # a default binds the loop's value
        _try(lambda a=asset: scene.exchange.set_leverage(scene.api_key, f"{a}USDT", 5))  # type: ignore[misc]  # as above
    # clocks have stepped by two seconds: what is said now would be older than the last word
    _later(run, 3 * SECOND, lambda: run.operator.say(scene, CommandKind.RESUME))


def _try(act: Callable[[], None]) -> None:
    try:
        act()
    except SimReject:
        return
