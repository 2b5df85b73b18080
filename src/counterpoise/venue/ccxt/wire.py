"""Send one question once and get its JSON, or a :class:`CallFailed` that tells what is proven.

Reads go through :meth:`Wire.read`: it waits for budget, resyncs the clock once after a "timestamp" refusal and
turns failures into VenueError. Wrong keys are counted here: ccxt hides them as DDoSProtection after the first
success, so one that comes back would be retried for ever. Once refused for good, one small question a minute
tries it, and nothing else that is signed is asked. Orders use :meth:`Wire.send` alone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from counterpoise.domain.errors import VenueAuthError, VenueError
from counterpoise.ports import Clock
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt.call import CURRENT, Call, CallFailed
from counterpoise.venue.ccxt.endpoints import Endpoint, Scope
from counterpoise.venue.ccxt.faults import CLOCK_CODES
from counterpoise.venue.ccxt.instants import readable, to_ms
from counterpoise.venue.ccxt.limiter import Limiter
from counterpoise.venue.ccxt.scrub import Scrubber
from counterpoise.venue.ccxt.stock import RECV_WINDOW_MS, never_connected
from counterpoise.venue.ccxt.timeliness import Timeliness

#: key format, key or permission or address, signature
KEY_REFUSED = frozenset({-2014, -2015, -1022})
_STRIKES = 3
#: How often a refused key is tried.
_TRY_EVERY = timedelta(seconds=30)
#: So much of a reply that nobody knows is shown to people.
_BODY_SHOWN = 200


class Wire:
    """The line to one venue account."""

    def __init__(
        self,
        exchange: Any,
        clock: Clock,
        limiter: Limiter,
        scrub: Scrubber,
        *,
        name: str,
        paused: Callable[[], Awaitable[None]],
        sync: bool,
        local_url: str | None = None,
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._limiter = limiter
        self._scrub = scrub
        self._name = name
        #: Told after every reply that asks for a pause, before anybody hears of it.
        self._paused = paused
        self._sync_wanted = sync
        self._local_url = local_url
        self.timeliness = Timeliness(timedelta(milliseconds=RECV_WINDOW_MS))
        self._known_good: set[Scope] = set()
        self._strikes = dict.fromkeys(Scope, 0)
        #: What was said when the key was refused for good, and when it was tried last.
        self._refused: dict[Scope, tuple[str, datetime]] = {}
        self._trying = asyncio.Lock()

    async def send(self, call: Call) -> Any:
        """Send ``call`` once and return the parsed reply, whatever it is. Raises CallFailed.

        Never waits, never repeats. A cancellation passes through; ``call`` then tells how far it came.
        """
        token, asked_at = CURRENT.set(call), self._clock.now()
        try:
            reply = await getattr(self._exchange, call.endpoint.method)(dict(call.params))
        except Exception as error:  # noqa: BLE001  # whatever it is, it decides nothing by its class
            unreachable = never_connected(error)
            failure = CallFailed(
                call,
                self._text(call, error),
                sent=call.sent and not unreachable,
                unreachable=unreachable,
                exchange=self._exchange.id,
                body=self._scrub(call.body)[:_BODY_SHOWN],
            )
            self._learn(call, failure, asked_at)
            if failure.retry_after_s is not None:
                await self._paused()
            # the original carries the signed URL: it must not show up in a traceback
            raise failure from None
        finally:
            CURRENT.reset(token)
        self._learn(call, None, asked_at)
        return reply

    async def ask(self, endpoint: Endpoint, params: Mapping[str, str] | None = None) -> Any:
        """Return the JSON list or object ``endpoint`` answers. Raises CallFailed, VenueError."""
        if endpoint.signed and endpoint.scope in self._refused:
            await self._try_key(endpoint.scope)
        return await self._asked(endpoint, params)

    async def _try_key(self, scope: Scope) -> None:
        """Ask one small question when it is time to; others wait for its answer. Raises VenueAuthError."""
        async with self._trying:
            known = self._refused.get(scope)
            if known is None:
                return
            said, at = known
            now = self._clock.now()
            if now - at < _TRY_EVERY:
                raise VenueAuthError(said)
            self._refused[scope] = (said, now)
            try:
                await self._asked(ask.KEY_TRIAL[scope], None)
            except CallFailed as failure:
                raise self.failed(failure) from None
            del self._refused[scope]

    async def _asked(self, endpoint: Endpoint, params: Mapping[str, str] | None) -> Any:
        for attempt in range(2):
            await self._limiter.wait(endpoint.scope, endpoint.weight)
            if endpoint.signed and self._sync_wanted:
                await self.sync_clock()
            call = Call(endpoint=endpoint, params=params or {})
            try:
                reply = await self.send(call)
            except CallFailed as failure:
                if failure.code in CLOCK_CODES and attempt == 0:
                    continue
                raise
            if isinstance(reply, dict | list):
                return reply
            break
        raise VenueError(
            f"{endpoint.scope}: expected JSON from {endpoint.method}, was something else"
        )

    async def read(self, endpoint: Endpoint, params: Mapping[str, str] | None = None) -> Any:
        """Return the JSON list or object ``endpoint`` answers. Raises VenueError, VenueAuthError."""
        try:
            return await self.ask(endpoint, params)
        except CallFailed as failure:
            raise self.failed(failure) from None

    async def cancel(self, call: Call) -> Any:
        """Send a cancel once, when there is budget for it. Raises CallFailed, VenueError."""
        await self._limiter.wait(call.endpoint.scope, call.endpoint.weight, urgent=True)
        return await self.send(call)

    def refused_one(self, endpoint: Endpoint, code: int, words: str) -> CallFailed:
        """Return what an error about one order, in a reply about several, is: a refusal (HTTP 400) of its own."""
        body = json.dumps({"code": code, "msg": words})
        call = Call(endpoint=endpoint, sent=True, status=400, body=body)
        text = self._scrub(f"{code} {words}")
        shown = self._scrub(body)[:_BODY_SHOWN]
        return CallFailed(call, text, sent=True, exchange=self._exchange.id, body=shown)

    async def sync_clock(self) -> None:
        """Measure how far our clock is from the venue's and sign with the venue's from now on."""
        # at once, so that questions asked together do not all measure
        self._sync_wanted = False
        try:
            before = to_ms(self._clock.now())
            reply = await self.read(ask.TIME)
            after = to_ms(self._clock.now())
            served = reply.get("serverTime") if isinstance(reply, dict) else None
            if not isinstance(served, int):
                raise VenueError("expected the venue's time, was something else")
        except BaseException:
            self._sync_wanted = True
            raise
        self._exchange.options["timeDifference"] = (before + after) // 2 - served
        self._limiter.ahead = self.ahead
        self.timeliness.measured(self.ahead, timedelta(milliseconds=after - before))

    def venue_now(self) -> datetime:
        """Return the venue's time, as far as it was measured."""
        return self._clock.now() - self.ahead

    @property
    def ahead(self) -> timedelta:
        """How far our clock is ahead of the venue's, as it was last measured."""
        return timedelta(milliseconds=self._exchange.options.get("timeDifference") or 0)

    async def close(self) -> None:
        """Let every connection go."""
        await self._exchange.close()

    def _learn(self, call: Call, failure: CallFailed | None, asked_at: datetime) -> None:
        code, words = (failure.code, failure.words) if failure is not None else (None, "")
        if call.status is not None:
            pause_s: Decimal | None = self._limiter.replied(
                call.endpoint.scope, call.status, call.headers, code, words, asked_at=asked_at
            )
            if failure is not None:
                failure.retry_after_s = pause_s
        if code in CLOCK_CODES:
            self._sync_wanted = True
        if call.endpoint.signed:
            self.timeliness.answered(call.endpoint, failure, self._clock.now())
        if call.endpoint.signed and failure is None:
            self._known_good.add(call.endpoint.scope)
            self._strikes[call.endpoint.scope] = 0

    def failed(self, failure: CallFailed) -> VenueError:
        """Return what a failed read is for the rest of the program, and count a refused key.

        Questions asked together are one read: only their first failure belongs here, or one passing ban
        would count as many.
        """
        scope = failure.scope
        if failure.code in KEY_REFUSED:
            self._strikes[scope] += 1
            # before the first success there is nothing to hope for; afterwards it may be a passing ban
            if scope not in self._known_good or self._strikes[scope] >= _STRIKES:
                said = (
                    f"{self._name} ({scope}) does not accept the key: {failure.text} Nothing is read or sent there, and"
                    " its margin is not watched; orders that work there go on. Check at the exchange the key's allowed"
                    " addresses, its permissions (futures) and whether it has ended, and key and secret in"
                    f" venues.{self._name}; a new key wants a restart"
                )
                self._refused[scope] = (said, self._clock.now())
                return VenueAuthError(said)
            return VenueError(f"{scope}: {failure.text}")
        lasting = (
            failure.status is not None
            and 400 <= failure.status < 500
            and failure.code is not None
            and failure.code <= -1100
        )
        return VenueError(f"{scope}: {failure.text}", retryable=not lasting)

    def _text(self, call: Call, error: Exception) -> str:
        code, words = call.verdict()
        if code is not None:
            return self._scrub(f"{code} {readable(words)}")
        kind = type(error.__cause__ or error).__name__
        if self._local_url is not None and call.status is None:
            # ccxt names the production address it thinks it talks to; that would only frighten
            return f"{self._local_url} does not answer ({kind}): is `counterpoise testnet` running there?"
        shown = f"HTTP {call.status}" if call.status is not None else "no reply"
        return self._scrub(f"{shown} ({kind}): {error}")
