"""How fast to ask: budgets per API scope by address, order counts by account, pauses the venue asks for.

Reads may use half of a minute's weight at once and the rest as the minute goes on: a program that spends it all in the
first half is blind in the second. They stop at 90 %, so that orders and cancels find room; orders never wait (a late
order has an old price), they are told for how long there is none. Windows
start where the venue starts them (whole minutes of its day, by its clock), and its used-weight headers correct our
count, which also covers other programs behind the same address. It never retries anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import ONE, ZERO, dec
from counterpoise.ports import Clock
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.instants import from_ms, to_ms

_UNITS = {"SECOND": ("S", 1), "MINUTE": ("M", 60), "HOUR": ("H", 3600), "DAY": ("D", 86400)}
_READS_SHARE = Decimal("0.9")
#: So much of it may be used at once.
_AT_ONCE = Decimal("0.5")
#: So long after the turn of a slot a request may still have been served before it: clocks are not measured finer.
_TURN_MS = 1000
#: A read waits at most this long for budget; a longer pause is an error the caller must see.
LONGEST_WAIT_S = Decimal(60)

_BANNED_UNTIL = re.compile(r"banned until (\d{12,14})")
_TOO_MANY_ORDERS = -1015
_BANNED = 418
#: Pauses when the venue names none: bans start at 2 minutes; a firewall block lasts about five.
_DEFAULT_PAUSE_S = {429: 60, 418: 120, 403: 300}
#: What is banned with one API: spot and wallet share a host, and a ban is of an address at a host.
_BANNED_WITH = {
    Scope.SPOT: (Scope.SPOT, Scope.WALLET),
    Scope.WALLET: (Scope.SPOT, Scope.WALLET),
    Scope.FUTURES: (Scope.FUTURES,),
}
#: Ends the name of a pause that is of orders alone.
_ORDERS = " orders"
#: Bans last up to three days, and clocks differ a little; a longer one is a garbled figure, or was told to a clock that
#: was wrong. Nobody asked for it, so nothing is left unwatched for it.
_LONGEST_PAUSE_S = Decimal(3 * 86400 + 3600)


#: A wait of so long makes a person at a terminal wonder.
_LONG_S = 2

Waits = Callable[[str, datetime, bool], None]


class Window:
    """What was used of ``limit`` in the running slot of ``seconds``, aligned to the epoch. Instants are the venue's."""

    def __init__(self, seconds: int, limit: int) -> None:
        self._slot_ms = seconds * 1000
        self.limit = limit
        self._slot = -1
        self._used = 0

    def used(self, now: datetime) -> int:
        """Return what was used in the slot of ``now``."""
        slot = to_ms(now) // self._slot_ms
        if slot != self._slot:
            self._slot, self._used = slot, 0
        return self._used

    def delay_s(self, now: datetime, cost: int, share: Decimal = ONE) -> Decimal:
        """Return how long until ``cost`` fits into ``share`` of the limit, 0 when it fits now."""
        ceiling = self.limit * share
        # something that never fits may go when the slot is empty, instead of never
        used = Decimal(self.used(now))
        if used + cost <= ceiling or used == 0:
            return ZERO
        return Decimal(self._slot_ms - to_ms(now) % self._slot_ms) / 1000

    def spread_delay_s(self, now: datetime, cost: int, share: Decimal) -> Decimal:
        """Return how long until ``cost`` fits into the part of ``share`` that is open by then, 0 when it fits now.

        The part grows evenly over the slot, from :data:`_AT_ONCE` to all of it.
        """
        whole_s = self.delay_s(now, cost, share)
        used = self.used(now)
        if whole_s > 0 or used == 0:
            return whole_s
        wanted = (used + cost) / (self.limit * share)
        # a part of the slot must have gone by
        due = (wanted - _AT_ONCE) / (ONE - _AT_ONCE)
        due_ms = due * self._slot_ms - to_ms(now) % self._slot_ms
        return max(due_ms.quantize(ONE, rounding=ROUND_CEILING) / 1000, ZERO)

    def take(self, now: datetime, cost: int) -> None:
        """Count ``cost``."""
        self._used = self.used(now) + cost

    def correct(self, asked: datetime, now: datetime, used: int) -> None:
        """Believe the venue when it counted more than we did, in the reply that came now to what was asked then.

        A count that may be of an earlier slot than the running one says nothing of it.
        """
        asked_ms = to_ms(asked)
        if asked_ms // self._slot_ms != to_ms(now) // self._slot_ms:
            return
        if asked_ms % self._slot_ms >= _TURN_MS:
            self._used = max(self.used(now), used)


class _Pauses:
    """Until when each API is silent. A clock that is set back makes no pause longer than it was asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        #: Asked for at, over at.
        self._rows: dict[Scope, tuple[datetime, datetime]] = {}

    def until(self, scope: Scope) -> datetime | None:
        """Return when the pause of ``scope`` is over, None where there is none."""
        row, now = self._rows.get(scope), self._clock.now()
        if row is not None and now < row[0]:
            # how much of it had passed nobody knows any more: all of it is waited for, from now on
            row = self._rows[scope] = (now, now + (row[1] - row[0]))
        return row[1] if row is not None and row[1] > now else None

    def prolong(self, scopes: Iterable[Scope], until: datetime) -> None:
        """Let ``scopes`` be silent until an instant; a longer pause that was asked for before stands."""
        for scope in scopes:
            known = self.until(scope)
            if known is None or known < until:
                self._rows[scope] = (self._clock.now(), until)

    def left_s(self, scope: Scope) -> Decimal:
        """Return for how long ``scope`` is silent, 0 where it is not."""
        return _left_s(self.until(scope), self._clock.now())

    @property
    def lasting(self) -> Mapping[Scope, datetime]:
        """Scope -> when its pause is over, where it is not."""
        found = {scope: self.until(scope) for scope in self._rows}
        return {scope: until for scope, until in found.items() if until is not None}


class Limiter:
    """The budgets of one account at one address. Starts with the documented limits."""

    def __init__(self, clock: Clock, waits: Waits | None = None) -> None:
        self._clock = clock
        #: Hears of a question that waits long enough for people to wonder: where, until when, whether for a pause.
        self._waits = waits
        self._told: dict[Scope, datetime] = {}
        #: How far our clock is ahead of the venue's, by which its windows run; whoever measures it sets it.
        self.ahead = timedelta(0)
        self._weights = {
            Scope.SPOT: {"1M": Window(60, 6000)},
            Scope.FUTURES: {"1M": Window(60, 2400)},
            Scope.WALLET: {"1M": Window(60, 12_000)},
        }
        self._orders: dict[Scope, dict[str, Window]] = {
            Scope.WALLET: {},
            Scope.SPOT: {"10S": Window(10, 100), "1D": Window(86400, 200_000)},
            Scope.FUTURES: {"10S": Window(10, 300), "1M": Window(60, 1200)},
        }
        self._paused, self._orders_paused = _Pauses(clock), _Pauses(clock)

    def adopt(self, scope: Scope, rate_limits: Iterable[Mapping[str, Any]]) -> None:
        """Take over the limits that the venue states in its exchangeInfo, keeping the counts."""
        budgets = {"REQUEST_WEIGHT": self._weights[scope], "ORDERS": self._orders[scope]}
        for row in rate_limits:
            windows = budgets.get(str(row.get("rateLimitType")))
            letter, unit_s = _UNITS.get(str(row.get("interval")), ("", 0))
            number, limit = row.get("intervalNum"), row.get("limit")
            if windows is None or not isinstance(number, int) or not isinstance(limit, int):
                continue
            if number <= 0 or limit <= 0 or not unit_s:
                continue
            known = windows.get(f"{number}{letter}")
            if known is not None:
                known.limit = limit
            else:
                windows[f"{number}{letter}"] = Window(number * unit_s, limit)

    async def wait(self, scope: Scope, weight: int, *, urgent: bool = False) -> None:
        """Return when ``weight`` may be used, and count it. Raises VenueError for a long pause."""
        share = ONE if urgent else _READS_SHARE
        while True:
            now = self._clock.now()
            venue_now = now - self.ahead
            paused_s = self._paused.left_s(scope)
            if paused_s > LONGEST_WAIT_S:
                until = now + timedelta(milliseconds=int(paused_s * 1000))
                raise VenueError(
                    f"{scope}: the venue asked for a pause of {paused_s} s more: nothing is asked before"
                    f" {until:%Y-%m-%d %H:%M:%S} UTC"
                )
            windows = self._weights[scope].values()
            delays = (
                w.delay_s(venue_now, weight, share)
                if urgent
                else w.spread_delay_s(venue_now, weight, share)
                for w in windows
            )
            delay_s = max([paused_s, *delays])
            if delay_s <= 0:
                for window in windows:
                    window.take(venue_now, weight)
                return
            self._tell(scope, now, delay_s, asked=paused_s >= delay_s)
            await self._clock.sleep(min(delay_s, LONGEST_WAIT_S))

    def _tell(self, scope: Scope, now: datetime, delay_s: Decimal, *, asked: bool) -> None:
        """Tell of a wait, once of each: several questions wait together."""
        known = self._told.get(scope)
        if self._waits is None or delay_s < _LONG_S or (known is not None and now < known):
            return
        until = self._told[scope] = now + timedelta(milliseconds=int(delay_s * 1000))
        self._waits(str(scope), until, asked)

    def order_delay_s(self, scope: Scope, weight: int, orders: int = 1) -> Decimal:
        """Return 0 and count so many ``orders``, or return how long they may not be sent, and count nothing."""
        now = self._clock.now() - self.ahead
        weights, counts = self._weights[scope].values(), self._orders[scope].values()
        delay_s = max(
            [
                self._paused.left_s(scope),
                self._orders_paused.left_s(scope),
                *(window.delay_s(now, weight) for window in weights),
                *(window.delay_s(now, orders) for window in counts),
            ]
        )
        if delay_s <= 0:
            for window in weights:
                window.take(now, weight)
            for window in counts:
                window.take(now, orders)
        return delay_s

    @property
    def pauses(self) -> Mapping[str, datetime]:
        """What the venue asked for that is not over: API, or ``API orders`` -> until when."""
        found = {str(scope): until for scope, until in self._paused.lasting.items()}
        orders = self._orders_paused.lasting.items()
        return found | {f"{scope}{_ORDERS}": until for scope, until in orders}

    def heed(self, pauses: Mapping[str, datetime]) -> None:
        """Wait for what an earlier process was told, in the form of :attr:`pauses`.

        What is not known, or longer than any pause is, is left out: where it was true all the same, one question is
        told so again.
        """
        latest = self._clock.now() + timedelta(seconds=int(_LONGEST_PAUSE_S))
        for scope in Scope:
            for name, known in (
                (str(scope), self._paused),
                (f"{scope}{_ORDERS}", self._orders_paused),
            ):
                if name in pauses and pauses[name] <= latest:
                    known.prolong((scope,), pauses[name])

    def replied(
        self,
        scope: Scope,
        status: int,
        headers: Mapping[str, str],
        code: int | None,
        words: str,
        *,
        asked_at: datetime | None = None,
    ) -> Decimal | None:
        """Learn from a reply (lower-case header names); return the pause it asks for, if any.

        ``asked_at``: when the request set out (by our clock); without it its counts are not believed.
        """
        now = self._clock.now()
        for prefix, windows in (
            ("x-mbx-used-weight-", self._weights[scope]),
            ("x-sapi-used-ip-weight-", self._weights[scope]),
            ("x-mbx-order-count-", self._orders[scope]),
        ):
            for suffix, window in windows.items():
                counted = headers.get(prefix + suffix.lower(), "")
                if asked_at is not None and counted.isascii() and counted.isdecimal():
                    window.correct(asked_at - self.ahead, now - self.ahead, int(counted))
        if status not in _DEFAULT_PAUSE_S or (status == 403 and code is not None):
            return None
        pause_s = _pause_s(status, headers, words, now - self.ahead)
        until = now + timedelta(milliseconds=int(pause_s * 1000))
        if code == _TOO_MANY_ORDERS:
            self._orders_paused.prolong((scope,), until)
        elif status == 403:
            # the firewall judges the address, whichever host it knocked at
            self._paused.prolong(Scope, until)
        else:
            paused = _BANNED_WITH[scope] if status == _BANNED else (scope,)
            self._paused.prolong(paused, until)
        return pause_s


def _left_s(until: datetime | None, now: datetime) -> Decimal:
    if until is None or until <= now:
        return ZERO
    return Decimal((until - now) // timedelta(microseconds=1)) / 1_000_000


def _pause_s(status: int, headers: Mapping[str, str], words: str, now: datetime) -> Decimal:
    """Return for how long to be silent: as the header says, else the words, else what is usual (``now``: theirs)."""
    stated = headers.get("retry-after", "")
    if stated.isascii() and stated.isdecimal() and dec(stated) <= _LONGEST_PAUSE_S:
        return dec(stated)
    banned = _BANNED_UNTIL.search(words)
    left_s = _left_s(from_ms(int(banned[1])), now) if banned is not None else ZERO
    # one that is over by our clock is not over by the venue's, which tells of it now
    if ZERO < left_s <= _LONGEST_PAUSE_S:
        return left_s
    return Decimal(_DEFAULT_PAUSE_S[status])
