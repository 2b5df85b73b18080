"""What is replayed over recorded markets: windows, portfolios and strategies, in one place.

A new kind of strategy needs an entry in :data:`CASES` and nothing else. Levels are relative to the first prices of
the window, so that one entry fits every window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import Band, PortfolioPolicy, Sleeve
from counterpoise.domain.strategy import (
    DeriskPolicy,
    DipBuyPolicy,
    DriftPolicy,
    HedgePolicy,
    ProfitLadderPolicy,
    ScaleInPolicy,
    StrategyPolicy,
)
from counterpoise.domain.strategy.conditions import (
    Above,
    At,
    Below,
    Calm,
    Drop,
    During,
    Rebound,
    Release,
    Volatility,
    When,
)
from counterpoise.domain.strategy.conversion import ConvertMode, ConvertPolicy, Level
from counterpoise.domain.strategy.derisk import Retarget
from counterpoise.domain.strategy.dip_buy import TakeProfit
from counterpoise.domain.strategy.drift import Legs, SettleMode, SettlePolicy, TradeTo
from counterpoise.domain.strategy.profit_ladder import LadderEnd, LadderTarget
from counterpoise.domain.strategy.scale_in import Commit, Confirm, Entry, OnInvalid

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A piece of recorded market; ``assets`` have spot and a perpetual in it."""

    name: str
    start: datetime
    end: datetime
    assets: tuple[str, ...] = ("BTC", "ETH", "ADA", "XRP")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What levels are relative to: the window and the first price of each asset."""

    window: Window
    prices: Mapping[str, Decimal]

    def level(self, asset: str, factor: str) -> Decimal:
        """Return a price of three digits near ``factor`` times the first."""
        price = self.prices[asset] * dec(factor)
        return price.quantize(dec(1).scaleb(price.adjusted() - 3))

    def worth(self, asset: str, quote: int) -> Decimal:
        """Return base units worth about ``quote`` at the first price, of two digits."""
        qty = quote / self.prices[asset]
        return qty.quantize(dec(1).scaleb(qty.adjusted() - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Strategies that run together on one portfolio; ``kinds`` is what it is about.

    ``in_coins``: it trades coins where others trade futures, so that it needs no contract.
    """

    name: str
    kinds: tuple[str, ...]
    strategies: Callable[[Scene], tuple[StrategyPolicy, ...]]
    in_coins: bool = False


def _at(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


#: Four crashes and a halt of the spot exchange. The first of them begins four hours before a halt of one hour.
WINDOWS = (
    Window(name="2020-02-halt", start=_at(2020, 2, 18), end=_at(2020, 2, 21)),
    Window(name="2020-03", start=_at(2020, 3, 4, 6), end=_at(2020, 3, 15)),
    Window(name="2021-05", start=_at(2021, 5, 12), end=_at(2021, 5, 23)),
    Window(name="2022-11", start=_at(2022, 11, 3), end=_at(2022, 11, 14)),
    Window(
        name="2024-08",
        start=_at(2024, 7, 29),
        end=_at(2024, 8, 9),
        assets=("BTC", "ETH", "ADA", "XRP", "SOL"),
    ),
)


def portfolio(assets: tuple[str, ...], strategies: tuple[StrategyPolicy, ...]) -> PortfolioPolicy:
    """A core of BTC and ETH, a satellite of the others, and a buffer large enough for margin."""
    core = _shares({a: dec(w) for a, w in (("BTC", "0.6"), ("ETH", "0.4")) if a in assets})
    satellite = _shares({a: dec(1) for a in assets if a not in core})
    sleeves = [
        Sleeve(id="core", weight=dec("0.4"), assets=core, band=Band(size=dec("0.03"))),
        Sleeve(
            id="satellite",
            weight=dec("0.2"),
            assets=satellite,
            band=Band(size=dec("0.2"), relative=True),
        ),
        Sleeve(id="buffer", weight=dec("0.4"), assets={"USDT": dec(1)}, band=Band(size=dec(1))),
    ]
    return PortfolioPolicy(
        id="replay",
        venues=("sim",),
        quote="USDT",
        sleeves=tuple(s for s in sleeves if s.assets),
        strategies=strategies,
    )


def _shares(weights: dict[str, Decimal]) -> dict[str, Decimal]:
    """``weights`` in whole percents that add up to 1; the first takes the rest."""
    shares = {a: (w / sum(weights.values())).quantize(dec("0.01")) for a, w in weights.items()}
    for first in list(shares)[:1]:
        shares[first] += 1 - sum(shares.values())
    return shares


def _hedges(scene: Scene) -> tuple[StrategyPolicy, ...]:
    return tuple(
        HedgePolicy(id=f"half-{a}", asset=a, ratio=dec("0.5")) for a in scene.window.assets
    )


def _conditional_hedges(scene: Scene) -> tuple[StrategyPolicy, ...]:
    """A condition of its own for each asset, in turn."""
    start = scene.window.start

    def of(number: int, asset: str) -> StrategyPolicy:
        match number % 4:
            case 0:
                when: When = Drop(size=dec("0.05"), interval=HOUR, bars=48)
                release: Release = Rebound(size=dec("0.05"))
            case 1:
                when = Volatility(above=dec("0.9"), interval=HOUR, bars=24)
                release = Calm(below=dec("0.7"), interval=HOUR, bars=24)
            case 2:
                when = Below(price=scene.level(asset, "0.95"))
                release = Above(price=scene.level(asset, "1.0"))
            case _:
                when = During(start_at=start + DAY, end_at=start + 2 * DAY)
                release = At(at=start + 2 * DAY)
        return HedgePolicy(
            id=f"when-{asset}", asset=asset, ratio=dec("0.7"), when=when, release=release
        )

    return tuple(of(n, a) for n, a in enumerate(scene.window.assets))


def _ladders(scene: Scene) -> tuple[StrategyPolicy, ...]:
    return tuple(
        ProfitLadderPolicy(
            id=f"out-{a}",
            asset=a,
            targets=tuple(
                LadderTarget(price=scene.level(a, factor), add=dec(add))
                for factor, add in (("1.01", "0.25"), ("1.03", "0.15"), ("1.08", "0.2"))
            ),
            end=LadderEnd(trail=dec("0.06")),
            rearm=scene.level(a, "0.97"),
        )
        for a in scene.window.assets
    )


def _scale_ins(scene: Scene) -> tuple[StrategyPolicy, ...]:
    """Entries at once and on a fall, commitments by a high and by an average, both ends, in turn."""

    def of(number: int, asset: str) -> StrategyPolicy:
        below = scene.level(asset, "0.98") if number % 4 > 1 else None
        by_high, by_average = (24, None) if number % 2 == 0 else (None, 24)
        return ScaleInPolicy(
            id=f"in-{asset}",
            asset=asset,
            entry=Entry(qty=scene.worth(asset, 1_000), below=below),
            confirm=Confirm(
                qty=scene.worth(asset, 2_000),
                support=scene.level(asset, "0.96"),
                bounce=dec("0.02"),
                resistance=scene.level(asset, "1.01"),
            ),
            commit=Commit(
                to=scene.worth(asset, 6_000),
                interval=HOUR,
                high_bars=by_high,
                average_bars=by_average,
            ),
            invalidate=scene.level(asset, "0.9"),
            on_invalid=OnInvalid.HEDGE if number % 3 == 1 else OnInvalid.CLOSE,
        )

    return tuple(of(n, a) for n, a in enumerate(scene.window.assets))


def _dips(
    exit_: Callable[[Scene], TakeProfit | ConvertPolicy],
) -> Callable[[Scene], tuple[StrategyPolicy, ...]]:
    def made(scene: Scene) -> tuple[StrategyPolicy, ...]:
        return tuple(
            DipBuyPolicy(
                id=f"dip-{a}",
                asset=a,
                drop=dec("0.06"),
                interval=HOUR,
                bars=48,
                qty=scene.worth(a, 3_000),
                exit=exit_(scene),
                stop=Level(value=dec("0.15"), relative=True),
            )
            for a in scene.window.assets
        )

    return made


def _derisk(scene: Scene, convert: ConvertPolicy, retarget: Retarget) -> tuple[StrategyPolicy, ...]:
    return (
        DeriskPolicy(
            id="safer",
            target=dec("0.4"),
            assets=scene.window.assets,
            convert=convert,
            retarget=retarget,
        ),
    )


def _together(scene: Scene) -> tuple[StrategyPolicy, ...]:
    """One kind per asset, and drift and derisk over all of them."""
    dips = _dips(lambda _: TakeProfit(level=Level(value=dec("0.04"), relative=True)))
    kinds = (_hedges, _ladders, _scale_ins, dips)
    return (
        *(of(scene)[n] for n, of in enumerate(kinds) if n < len(scene.window.assets)),
        DriftPolicy(id="shape"),
        DeriskPolicy(id="safer", target=dec("0.5"), assets=scene.window.assets),
    )


CASES = (
    Case(name="hedge", kinds=("hedge",), strategies=_hedges),
    Case(name="hedge-when", kinds=("hedge",), strategies=_conditional_hedges),
    Case(name="ladder", kinds=("profit_ladder",), strategies=_ladders),
    Case(name="scale-in", kinds=("scale_in",), strategies=_scale_ins),
    Case(
        name="dip-profit",
        kinds=("dip_buy",),
        strategies=_dips(
            lambda _: TakeProfit(level=Level(value=dec("0.04"), relative=True), buy_spot=True)
        ),
    ),
    Case(name="dip-convert", kinds=("dip_buy",), strategies=_dips(lambda _: ConvertPolicy())),
    Case(name="drift", kinds=("drift",), strategies=lambda _: (DriftPolicy(id="shape"),)),
    Case(
        name="drift-over",
        kinds=("drift",),
        strategies=lambda _: (
            DriftPolicy(
                id="shape",
                trade_to=TradeTo.INNER,
                legs=Legs.OVERWEIGHT,
                calendar="0 8 * * mon,thu",
            ),
        ),
    ),
    Case(
        name="drift-settle",
        kinds=("drift",),
        strategies=lambda _: (
            DriftPolicy(
                id="shape",
                trade_to=TradeTo.HALF,
                settle=SettlePolicy(mode=SettleMode.FUTURES_FIRST, deadline=DAY),
            ),
        ),
    ),
    Case(
        name="drift-spot",
        kinds=("drift",),
        strategies=lambda _: (DriftPolicy(id="shape", settle=SettlePolicy(mode=SettleMode.SPOT)),),
        in_coins=True,
    ),
    Case(
        name="derisk-at-once",
        kinds=("derisk",),
        strategies=lambda scene: _derisk(
            scene, ConvertPolicy(at=scene.window.start + 2 * DAY), Retarget.NEVER
        ),
    ),
    Case(
        name="derisk-gradual",
        kinds=("derisk",),
        strategies=lambda scene: _derisk(
            scene,
            ConvertPolicy(
                mode=ConvertMode.GRADUAL,
                at=scene.window.start + DAY,
                tranches=4,
                every=timedelta(hours=6),
            ),
            Retarget.BAND,
        ),
    ),
    Case(
        name="together",
        kinds=("hedge", "profit_ladder", "scale_in", "dip_buy", "drift", "derisk"),
        strategies=_together,
    ),
)
