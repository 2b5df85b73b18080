"""What people are told about margin: how far liquidation is, what is being done, what only they can do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.guarding import (
    DRAWDOWN,
    EQUITY,
    MARGIN,
    Lowering,
    MarginVerdict,
    PoolCheck,
    Step,
)
from counterpoise.domain.numbers import dec, quantize, text
from counterpoise.domain.policy import MarginPolicy
from counterpoise.domain.reasons import shown_percent
from counterpoise.domain.transfer import Purse, Transfer, TransferState

_CENT = dec("0.01")
_DONE = {
    Step.WARN: "nothing is done yet",
    Step.STOP_ADDING: "nothing more is added, and orders that would add are taken down",
    Step.REDUCE: "own futures that lose are being reduced",
    Step.FLATTEN: "own futures are being closed",
}
#: What would be done about a pool, were the portfolio not halted.
_UNDONE = {
    Step.TOP_UP: "collateral would be moved into it",
    Step.STOP_ADDING: "orders that would add would be taken down",
    Step.REDUCE: "own futures that lose would be reduced",
    Step.FLATTEN: "own futures would be closed",
}
#: Kinds of conditions that are about one pool: their keys go on with its venue.
MARGINAL = ("margin", "collateral", "margin_differs")
#: What is said when a step has passed.
MARGIN_AGAIN = {
    "near": "liquidation is far enough away again",
    "stop_adding": "hedges may be added to again, as far as collateral carries them",
    "reduce": "futures are no longer being reduced",
    "flatten": "futures are no longer being closed",
}
#: The same where nothing is left in the pool that could be liquidated.
MARGIN_GONE = {
    "near": "nothing is left that could be liquidated",
    "flatten": "own futures are closed",
}
_PURSES = {
    Purse.SPOT: "the spot wallet",
    Purse.FUTURES: "the futures wallet",
    Purse.POSITION: "the position",
}


def margin_conditions(
    margin: MarginVerdict,
    policy: MarginPolicy | None,
    raised: Collection[str],
    *,
    halted: bool = False,
) -> Iterator[tuple[str, tuple[Severity, str]]]:
    """Yield every lasting condition of the margin, by key.

    That liquidation is near is one condition, whatever is done about it. From where things are no longer added each
    step is one more; a fall through several of them at once speaks of the last only. That collateral is missing is
    over once the distance that is wanted was reached. ``raised``: keys told before; ``halted``: nothing is sent.
    """
    if policy is None:
        return
    for venue, why in margin.unseen.items():
        yield f"margin_unseen:{venue}", (Severity.CRITICAL, f"Margin: {why.text}")
    for check in margin.checks:
        if check.step > Step.SAFE:
            yield from _near(check, raised, halted=halted)
        short = f"collateral:{check.key}"
        if check.missing >= _CENT or (short in raised and check.step > Step.SAFE):
            said = (
                f"{_where(check)} needs {_money(check.missing)} {check.pool.asset} more than can be reached to be"
                f" {_percent(policy.warn + policy.hysteresis)} from liquidation again: move it there by hand"
            )
            # from where nothing is added any more each step is critical itself
            far = check.step < Step.STOP_ADDING
            yield short, (Severity.WARNING if far else Severity.CRITICAL, said)
        if check.differs is not None and check.differs > policy.tolerance:
            said = (
                f"{_where(check)}: the venue's maintenance margin is {_percent(check.differs)} off what its tables"
                " say: its margin rules may have changed"
            )
            yield f"margin_differs:{check.key}", (Severity.WARNING, said)
        for symbol in check.assumed:
            said = (
                f"{check.pool.venue} has not told the margin table of {symbol} for a day, or never: a maintenance"
                " rate of 2.5 % is assumed, or what an older table asks for where that is more"
            )
            yield f"margin_table:{symbol}", (Severity.WARNING, said)


def _near(
    check: PoolCheck, raised: Collection[str], *, halted: bool
) -> Iterator[tuple[str, tuple[Severity, str]]]:
    """That liquidation is near, and the steps taken; one that came at once is told by its own words alone."""
    steps, said = list(_steps(check, raised)), _step_text(check, halted=halted)
    near = f"margin:{check.key}:near"
    if near in raised or not steps:
        yield near, (Severity.WARNING, said)
    for step in steps:
        yield f"margin:{check.key}:{step.word}", (Severity.CRITICAL, said)


def _steps(check: PoolCheck, raised: Collection[str]) -> Iterator[Step]:
    """The steps that are told of: those told before that hold on, and the one just taken."""
    for step in (Step.STOP_ADDING, Step.REDUCE, Step.FLATTEN):
        told = f"margin:{check.key}:{step.word}" in raised
        if step <= check.step and (told or (step is check.step and check.deepened)):
            yield step


def missing_grown(margin: MarginVerdict) -> frozenset[str]:
    """Return the keys of conditions told anew: that much more collateral is missing than was last said."""
    return frozenset(f"collateral:{check.key}" for check in margin.checks if check.grown)


def _step_text(check: PoolCheck, *, halted: bool) -> str:
    pool, adverse = check.pool, check.distance.adverse
    ratio = (
        f", maintenance is {_percent(pool.ratio)} of the balance" if pool.ratio is not None else ""
    )
    way = "up" if check.distance.up == adverse else "down"
    done = _done(check, halted=halted)
    return (
        f"{_where(check)} would be liquidated by a move of {_percent(adverse)} {way}{ratio}: {done}"
    )


def _done(check: PoolCheck, *, halted: bool) -> str:
    """What is done about it, as it is."""
    if halted and check.step in _UNDONE:
        return f"{_UNDONE[check.step]}, but HALT keeps everything from being sent"
    if check.step is not Step.TOP_UP:
        return _DONE[check.step]
    if check.moving:
        return "collateral is moved into it"
    if check.reachable >= _CENT:
        return "collateral could be reached, but is not moved now"
    return "no more collateral can be reached"


def _where(check: PoolCheck) -> str:
    return pool_name(check.pool.venue, check.pool.asset, check.pool.isolated)


def pool_name(venue: str, asset: str, isolated: str | None) -> str:
    """Return what a pool of collateral is called: a wallet, or an isolated position."""
    return (
        f"{isolated} at {venue}"
        if isolated is not None
        else f"The {asset} futures wallet at {venue}"
    )


def transfers_told(
    portfolio: str, transfers: tuple[Transfer, ...], at: datetime
) -> tuple[Alert, ...]:
    """Return an alert for every transfer whose outcome is known."""
    alerts: list[Alert] = []
    for transfer in transfers:
        amount = f"{_money(transfer.qty)} {transfer.asset}"
        way = f"from {_PURSES[transfer.source]} to {_PURSES[transfer.target]} at {transfer.venue}"
        if transfer.state is TransferState.DONE:
            said, severity = f"Moved {amount} {way}: {transfer.why}", Severity.INFO
        elif transfer.state is TransferState.REJECTED:
            said = f"Could not move {amount} {way}: {transfer.reason}"
            said += ". Move it there by hand if you can" if transfer.is_top_up else ""
            severity = Severity.CRITICAL if transfer.is_top_up else Severity.WARNING
        else:
            continue
        data = {
            "transfer": transfer.id,
            "state": transfer.state.value.lower(),
            "venue": transfer.venue,
            "asset": transfer.asset,
            "qty": text(transfer.qty),
        }
        alerts.append(alert(portfolio, "collateral_moved", severity, said, at, data=data))
    return tuple(alerts)


def unproven_transfers(
    transfers: tuple[Transfer, ...],
) -> Iterator[tuple[str, tuple[Severity, str]]]:
    """Yield a lasting condition for every transfer whose outcome is not proven."""
    for transfer in transfers:
        if transfer.state is TransferState.UNKNOWN:
            said = (
                f"Whether {_money(transfer.qty)} {transfer.asset} went from {_PURSES[transfer.source]} to"
                f" {_PURSES[transfer.target]} at {transfer.venue} is not proven: it counts as gone and not arrived,"
                " and is not sent again"
            )
            yield f"transfer:{transfer.id}", (Severity.CRITICAL, said)


def state_lowered(portfolio: str, lower: Lowering, at: datetime) -> Alert:
    """Return the alert that a guard lowered the trading state; it raises the condition behind it as well."""
    key, then = None, ""
    if lower.by == MARGIN and lower.why.code == "margin_lowers":
        then = ": own futures are closed, and nothing else is sent"
    elif lower.by == DRAWDOWN:
        key, then = (
            f"drawdown:{lower.state.value.lower()}",
            "; after resume it is measured from the equity then",
        )
    elif lower.by == EQUITY:
        key = f"hold:{lower.why.code}"
    said = (
        f"The trading state is {lower.state.value} now, because {lower.why.text}{then}. Only you can raise it again:"
        " counterpoise resume"
    )
    data = {"state": lower.state.value, "by": lower.by}
    return alert(portfolio, "state_lowered", Severity.CRITICAL, said, at, key=key, data=data)


def reminder(portfolio: str, check: PoolCheck, at: datetime) -> Alert:
    """Return the repeated alert of a halted portfolio that may be liquidated."""
    said = (
        f"{_where(check)} is {_percent(check.distance.adverse)} from liquidation, and HALT keeps everything from"
        " being done about it. Move collateral there by hand, or let the guard act: `counterpoise reduce-only`"
    )
    data = {"venue": check.pool.venue, "asset": check.pool.asset, **pool_values(check)}
    return alert(portfolio, "margin_halted", Severity.CRITICAL, said, at, data=data)


def pool_values(check: PoolCheck) -> dict[str, str]:
    """Return how far a pool is from liquidation, and its ratio, as exact fractions; what is unknown is left out."""
    values = {"distance": check.distance.adverse, "ratio": check.pool.ratio}
    return {name: text(value) for name, value in values.items() if value is not None}


def _percent(value: Decimal | None) -> str:
    return "an unknown part" if value is None else shown_percent(value)


def _money(value: Decimal) -> str:
    return f"{quantize(value, _CENT):,}"
