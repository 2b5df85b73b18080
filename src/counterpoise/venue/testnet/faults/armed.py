"""The faults that are armed, and how often each was met and struck.

Counting matters as much as striking: a fault that never struck is a test that tests nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.numbers import text
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.testnet.faults.description import Fault, described
from counterpoise.venue.testnet.faults.kinds import Group


@dataclass(slots=True, kw_only=True)
class Armed:
    """One armed fault with its counts.

    ``state`` is the exchange as it was when a lag was armed, ``until`` when what is bound to a span ends,
    ``frozen_until`` and ``banned_until`` are where a rate limit stands. ``problem`` is why its last strike could not
    be done.
    """

    id: str
    fault: Fault
    matched: int = 0
    struck: int = 0
    state: SimExchange | None = None
    until: datetime | None = None
    frozen_until: datetime | None = None
    banned_until: datetime | None = None
    problem: str | None = None

    @property
    def spent(self) -> bool:
        """Whether it has struck as often as it may."""
        return self.fault.times is not None and self.struck >= self.fault.times

    def due(self, now: datetime) -> bool:
        """Count one matching request and return whether it strikes it."""
        self.matched += 1
        if self._holds(now):
            self.struck += 1
            return True
        if self.spent or self.matched <= self.fault.skip or self.over(now):
            return False
        self.struck += 1
        return True

    def over(self, now: datetime) -> bool:
        """Whether its span has ended."""
        return self.until is not None and now >= self.until

    def _holds(self, now: datetime) -> bool:
        """Whether a rate limit is still in force, however often it was to strike."""
        ends = [end for end in (self.frozen_until, self.banned_until) if end is not None]
        return bool(ends) and now < max(ends)

    def row(self, now: datetime) -> dict[str, object]:
        """Return it as the control door lists it."""
        fault = self.fault
        return {
            "id": self.id,
            "match": {
                "method": fault.match.method,
                "path": list(fault.match.paths) or None,
                "account": fault.match.account,
            },
            "when": fault.when.value,
            "kind": fault.name,
            "args": _plain(fault.args),
            "skip": fault.skip,
            "times": fault.times,
            "matched": self.matched,
            "struck": self.struck,
            "active": not self.spent and not self.over(now),
            "problem": self.problem,
        }


class Faults:
    """All faults of one exchange, in the order they were armed."""

    def __init__(self, exchange: SimExchange, doors: Collection[tuple[str, str]]) -> None:
        self._exchange = exchange
        self._doors = doors
        self._armed: dict[str, Armed] = {}
        self._last = 0

    def arm(self, written: Mapping[str, object]) -> str:
        """Arm the fault that ``written`` describes and return its id. Raises ValueError, and nothing is armed."""
        fault = described(written, doors=self._doors, accounts=self._exchange.accounts())
        self._last += 1
        armed = Armed(id=str(self._last), fault=fault)
        span = fault.args.get("seconds")
        if fault.name in {"lag", "maintenance"} and isinstance(span, Decimal):
            armed.until = self._exchange.now + timedelta(microseconds=int(span * 1_000_000))
        if fault.name == "lag":
            armed.state = self._exchange.replica()
        self._armed[armed.id] = armed
        return armed.id

    def disarm(self, number: str) -> Armed | None:
        """Remove a fault and return it as it was, None when there is none of that id."""
        armed = self._armed.pop(number, None)
        if armed is not None and armed.fault.name == "client_ids":
            self._exchange.keep_client_ids(for_ever=False)
        return armed

    def rows(self) -> list[dict[str, object]]:
        """Return every fault as the control door lists it."""
        return [armed.row(self._exchange.now) for armed in self._armed.values()]

    def striking(self, method: str, path: str, account: str | None) -> list[Armed]:
        """Return what strikes this request: every condition and act that is due, and the first reply that is."""
        found: list[Armed] = []
        replied = False
        for armed in self._armed.values():
            match = armed.fault.match
            makes_reply = armed.fault.kind.group is Group.REPLY
            if match.account not in {None, account} or not match.takes(method, path):
                continue
            if (makes_reply and replied) or not armed.due(self._exchange.now):
                continue
            replied = replied or makes_reply
            found.append(armed)
        return found


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return text(value)
        case Mapping():
            return {str(key): _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case _:
            return value
