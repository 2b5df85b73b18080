"""A backtest for people: what it came to, line by line, and every hedge in a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.cli.figures import UNKNOWN, age, count, money, percent, quantity
from counterpoise.cli.output import print_table, warn
from counterpoise.domain.numbers import ZERO, dec, quantize
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.report.backtest import BacktestReport, per_second
from counterpoise.report.hedges import HedgeRow

#: More hedges than this are for the JSON file.
MOST_HEDGES = 40


def show_backtest(report: BacktestReport, policy: PortfolioPolicy, every: timedelta) -> None:
    """Print the figures of ``report`` and its hedges."""
    title = f"{policy.id}: {_day(report.market_from)} to {_day(report.market_to)}"
    print_table(title, ("", f">{policy.quote}", ""), _figures(report))
    print()
    _show_hedges(report.hedges)
    took = f"{report.wall_s} s, {per_second(report.bars, report.wall_s):,} bars/s"
    interval = age(dec(every // timedelta(seconds=1)))
    print(f"{count(report.bars, 'bar')} in {took}.")
    looks = count(report.cycles, "look")
    print(f"{looks}: every {interval}, but for those at which nothing could have changed.")
    print(f"hash {report.hash}")
    if report.trading.liquidations:
        warn(
            f"the exchange liquidated {count(report.trading.liquidations, 'position')}: the futures wallet did not"
            f" carry the hedge. Give it more {policy.quote}@futures, or make the hedge smaller"
        )


def _figures(report: BacktestReport) -> list[tuple[str, str, str]]:
    equity, trading = report.equity, report.trading
    return [
        ("equity at start", money(equity.start), ""),
        ("equity at end", money(equity.end), percent(equity.total_return)),
        ("deepest fall", "", percent(equity.max_drawdown)),
        ("volatility per year", "", percent(equity.volatility)),
        ("lowest margin", *_margin(report)),
        ("deposits and withdrawals", money(report.flows), ""),
        ("funding received", money(trading.funding), ""),
        ("fees paid", money(trading.fees), ""),
        (
            "futures traded",
            money(trading.futures_turnover),
            _times(trading.futures_turnover, report),
        ),
        ("spot traded", money(trading.spot_turnover), _times(trading.spot_turnover, report)),
        ("orders and fills", "", f"{trading.orders:,} and {trading.fills:,}"),
        ("times out of the bands", "", f"{report.band_breaches:,}"),
        ("liquidations", "", f"{trading.liquidations:,}"),
    ]


def _margin(report: BacktestReport) -> tuple[str, str]:
    lowest = report.equity.lowest_margin
    if lowest is None:
        return "", ""
    return money(lowest.margin), _minute(lowest.at)


def _times(turnover: Decimal, report: BacktestReport) -> str:
    """Turnover in equities at the start."""
    if report.equity.start <= 0 or not turnover:
        return ""
    return f"{quantize(turnover / report.equity.start, dec('0.01'))} x equity"


def _show_hedges(hedges: Sequence[HedgeRow]) -> None:
    if not hedges:
        print("No hedges.\n")
        return
    rows = [_row(hedge) for hedge in hedges[-MOST_HEDGES:]]
    left_out = len(hedges) - len(rows)
    title = f"Hedges (the last {len(rows)} of {len(hedges)})" if left_out else "Hedges"
    columns = (
        "strategy", "instrument", "!opened", "!closed", ">largest", ">entry", ">exit", ">price", ">funding",
        ">fees", ">net",
    )  # fmt: skip
    print_table(title, columns, [*rows, _total(hedges)])
    print()


def _row(hedge: HedgeRow) -> tuple[str, ...]:
    return (
        hedge.strategy,
        hedge.instrument,
        _minute(hedge.opened_at),
        _minute(hedge.closed_at) if hedge.closed_at is not None else "open",
        quantity(hedge.qty),
        _price(hedge.entry),
        _price(hedge.exit),
        money(hedge.price_pnl),
        money(hedge.funding),
        money(hedge.fees),
        money(hedge.net),
    )


def _total(hedges: Sequence[HedgeRow]) -> tuple[str, ...]:
    """The sum of all hedges, those left out of the table too."""
    sums = (
        sum((h.price_pnl for h in hedges), ZERO),
        sum((h.funding for h in hedges), ZERO),
        sum((h.fees for h in hedges), ZERO),
        sum((h.net for h in hedges), ZERO),
    )
    return ("all", "", "", "", "", "", "", *map(money, sums))


def _price(price: Decimal | None) -> str:
    """A price to six digits: enough to read, whatever the coin."""
    if price is None:
        return UNKNOWN
    return quantity(quantize(price, dec(1).scaleb(min(price.adjusted() - 5, 0))))


def _minute(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M")


def _day(at: datetime) -> str:
    return _minute(at) if at.hour or at.minute else at.strftime("%Y-%m-%d")
