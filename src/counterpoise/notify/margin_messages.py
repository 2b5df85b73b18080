"""What people are told about margin: how far liquidation is, what is being done, what only they can do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.guarding import MarginVerdict, PoolCheck, Step
from counterpoise.domain.numbers import dec, quantize, text
from counterpoise.domain.policy import MarginPolicy
from counterpoise.domain.reasons import shown_percent
from counterpoise.domain.records import TradingState
from counterpoise.domain.transfer import Purse, Transfer, TransferState

_CENT = dec("0.01")
_DONE = {
    Step.WARN: "nothing is done yet",
    Step.TOP_UP: "collateral is moved into it as far as it can be reached",
    Step.STOP_ADDING: "nothing more is added, and orders that would add are taken down",
    Step.REDUCE: "own futures that lose are being reduced",
    Step.FLATTEN: "own futures are being closed",
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
_PURSES = {
    Purse.SPOT: "the spot wallet",
    Purse.FUTURES: "the futures wallet",
    Purse.POSITION: "the position",
}


def margin_conditions(
    margin: MarginVerdict, policy: MarginPolicy | None, raised: Collection[str]
) -> Iterator[tuple[str, tuple[Severity, str]]]:
    """Yield every lasting condition of the margin, by key.

    That liquidation is near is one condition, whatever is done about it. From where things are no longer added each
    step is one more; a fall through several of them at once speaks of the last only. ``raised``: keys told before.
    """
    if policy is None:
        return
    for venue, why in margin.unseen.items():
        yield f"margin_unseen:{venue}", (Severity.CRITICAL, f"Margin: {why.text}")
    for check in margin.checks:
        if check.step > Step.SAFE:
            yield f"margin:{check.key}:near", (Severity.WARNING, _step_text(check))
        for step in (Step.STOP_ADDING, Step.REDUCE, Step.FLATTEN):
            key = f"margin:{check.key}:{step.word}"
            told = key in raised or (step is check.step and check.deepened)
            if step <= check.step and told:
                yield key, (Severity.CRITICAL, _step_text(check))
        if check.missing >= _CENT:
            said = (
                f"{_where(check)} needs {_money(check.missing)} {check.pool.asset} more than can be reached to be"
                f" {_percent(policy.warn + policy.hysteresis)} from liquidation again: move it there by hand"
            )
            yield f"collateral:{check.key}", (Severity.CRITICAL, said)
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


def _step_text(check: PoolCheck) -> str:
    pool, adverse = check.pool, check.distance.adverse
    ratio = (
        f", maintenance is {_percent(pool.ratio)} of the balance" if pool.ratio is not None else ""
    )
    way = "up" if check.distance.up == adverse else "down"
    return f"{_where(check)} would be liquidated by a move of {_percent(adverse)} {way}{ratio}: {_DONE[check.step]}"


def _where(check: PoolCheck) -> str:
    pool = check.pool
    if pool.isolated is not None:
        return f"{pool.isolated} at {pool.venue}"
    return f"The {pool.asset} futures wallet at {pool.venue}"


def transfers_told(
    portfolio: str, transfers: tuple[Transfer, ...], at: datetime
) -> tuple[Alert, ...]:
    """Return an alert for every transfer whose outcome is known."""
    alerts: list[Alert] = []
    for transfer in transfers:
        amount = f"{text(transfer.qty)} {transfer.asset}"
        way = f"from {_PURSES[transfer.source]} to {_PURSES[transfer.target]} at {transfer.venue}"
        if transfer.state is TransferState.DONE:
            said, severity = f"Moved {amount} {way}: {transfer.why}", Severity.INFO
        elif transfer.state is TransferState.REJECTED:
            said = f"Could not move {amount} {way}: {transfer.reason}"
            severity = Severity.CRITICAL if transfer.is_top_up else Severity.WARNING
        else:
            continue
        alerts.append(
            alert(portfolio, "collateral_moved", severity, said, at, data={"transfer": transfer.id})
        )
    return tuple(alerts)


def unproven_transfers(
    transfers: tuple[Transfer, ...],
) -> Iterator[tuple[str, tuple[Severity, str]]]:
    """Yield a lasting condition for every transfer whose outcome is not proven."""
    for transfer in transfers:
        if transfer.state is TransferState.UNKNOWN:
            said = (
                f"Whether {text(transfer.qty)} {transfer.asset} went from {_PURSES[transfer.source]} to"
                f" {_PURSES[transfer.target]} at {transfer.venue} is not proven: it counts as gone and not arrived,"
                " and is not sent again"
            )
            yield f"transfer:{transfer.id}", (Severity.CRITICAL, said)


def state_lowered(portfolio: str, state: TradingState, why: str, at: datetime) -> Alert:
    """Return the alert that a guard lowered the trading state."""
    said = f"The trading state is {state.value} now: {why}. Only you can raise it again (resume)."
    return alert(portfolio, "state_lowered", Severity.CRITICAL, said, at)


def reminder(portfolio: str, check: PoolCheck, at: datetime) -> Alert:
    """Return the repeated alert of a halted portfolio that may be liquidated."""
    said = (
        f"{_where(check)} is {_percent(check.distance.adverse)} from liquidation, and HALT keeps everything from"
        " being done about it"
    )
    return alert(portfolio, "margin_halted", Severity.CRITICAL, said, at)


def _percent(value: Decimal | None) -> str:
    return "an unknown part" if value is None else shown_percent(value)


def _money(value: Decimal) -> str:
    return text(quantize(value, _CENT))
