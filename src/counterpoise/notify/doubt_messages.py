"""What people are told about what is not believed: prices of a contract, stable coins, settings somebody changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.guarding import SettingChange
from counterpoise.domain.instrument import base_of
from counterpoise.domain.portfolio import Contract
from counterpoise.domain.reasons import Reason
from counterpoise.domain.records import TradingState

_Condition = tuple[str, tuple[Severity, str]]


def doubt_conditions(
    shut: Mapping[Contract, Reason], off_peg: Mapping[str, Reason], unrestored: Mapping[str, str]
) -> Iterator[_Condition]:
    """Yield every lasting condition of prices and stable coins, and of settings that could not be set back, by key."""
    # the instruments of an asset share a doubt: it is told once
    for (venue, symbol), why in sorted(shut.items()):
        if why not in [other for c, other in sorted(shut.items()) if c < (venue, symbol)]:
            yield (
                f"price:{venue}:{base_of(symbol)}",
                (Severity.WARNING, f"Nothing is sent: {why.text}"),
            )
    for asset, why in off_peg.items():
        yield f"off_peg:{asset}", (Severity.CRITICAL, why.text)
    for key, said in unrestored.items():
        what = key.partition(":")[2]
        text = f"What was changed of {what} could not be set back: {said}"
        yield f"unrestored:{what}", (Severity.CRITICAL, text)


def setting_conditions(
    changes: Iterable[SettingChange], lowered: TradingState | None
) -> Iterator[_Condition]:
    """Yield a lasting condition for every setting somebody changed; ``lowered`` is the state set because of it."""
    for change in changes:
        said = change.why.text
        if change.restore is not None:
            said += ": it is being set back"
        elif change.stops and lowered is not None:
            said += (
                f". The trading state is {lowered.value} now: set it back at the venue, or resume"
            )
        yield change.key, (Severity.CRITICAL, said[:1].upper() + said[1:])


def changes_accepted(
    portfolio: str, accepted: Mapping[Contract, Reason], at: datetime
) -> tuple[Alert, ...]:
    """Return an alert for every position whose change is taken as it is."""
    return tuple(
        alert(
            portfolio,
            "position_accepted",
            Severity.CRITICAL,
            why.text,
            at,
            data={**why.numbers, "venue": venue, "symbol": symbol},
        )
        for (venue, symbol), why in accepted.items()
    )
