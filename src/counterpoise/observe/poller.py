"""One look at every venue of a portfolio.

Reads of one venue run side by side, each failure becomes a named problem and a ``None`` in the snapshot: a part
that was not answered is missing, never empty. Fills and the venue's ledger are read last, so that they are never
older than the positions and wallets they explain; fills only where something can have happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

from counterpoise.domain.instrument import is_spot
from counterpoise.domain.ledger import Settlement
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Universe
from counterpoise.domain.records import BarRow, Recorded
from counterpoise.domain.snapshot import Snapshot, VenueSnapshot
from counterpoise.observe.bars import BarCache
from counterpoise.observe.books import LedgerReads, ended, read_settlement
from counterpoise.observe.collateral import TierReads, margined, read_transfers
from counterpoise.observe.executions import may_have_filled, read_fills
from counterpoise.observe.reading import read
from counterpoise.ports import Clock, Exchange, Store


class Observer:
    """Looks at the venues of one portfolio. What it remembers only saves questions; a new one asks again.

    ``store`` gives the bars that were kept; None before there is a database.
    """

    def __init__(
        self,
        policy: PortfolioPolicy,
        venues: Mapping[str, Exchange],
        store: Store | None,
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._venues = {name: venues[name] for name in policy.venues}
        self._clock = clock
        self._bars = BarCache(policy.lookbacks, store)
        self._ledgers = LedgerReads()
        self._tiers = TierReads()

    @property
    def new_bars(self) -> tuple[BarRow, ...]:
        """Closed bars that were read and are not stored yet: to go in with the cycle's first commit."""
        return self._bars.new

    def stored(self) -> None:
        """Take note that the bars and ledger entries of the last look are durable."""
        self._bars.stored()
        self._ledgers.stored()

    async def look(self, universe: Universe, recorded: Recorded) -> Snapshot:
        """Return what every venue shows now.

        Raises
        ------
        VenueAuthError
            When a key is not accepted: going on would only lead to a ban.
        StoreError
            When bars that were kept cannot be read.
        """
        now = self._clock.now()
        looks = [self._venue(n, v, universe, recorded, now) for n, v in self._venues.items()]
        # a replay looks at one venue 47,000 times: it is not to pay for tasks that have nothing to wait for
        seen = await asyncio.gather(*looks) if len(looks) > 1 else [await looks[0]]
        return Snapshot(
            portfolio=self._policy.id,
            as_of=self._clock.now(),
            venues={v.venue: v for v in seen},
            holdings=self._policy.holdings,
        )

    async def _venue(
        self, name: str, venue: Exchange, universe: Universe, recorded: Recorded, now: datetime
    ) -> VenueSnapshot:
        problems: list[str] = []
        listings = (*universe.watched, *universe.peers)
        strays = _strays(name, venue, recorded)
        priced = list(
            dict.fromkeys((*(x.instrument.symbol for x in listings if x.venue == name), *strays))
        )
        traded = list(dict.fromkeys((*_traded(name, universe), *strays)))
        settlements: dict[str, Settlement] = {}
        state = asyncio.gather(
            read("account", venue.account(), problems),
            read("prices", venue.quotes(priced), problems),
            read("open orders", venue.open_orders(traded), problems),
        )
        seldom = self._bars.questions(name, venue, universe, now)
        seldom += [
            read_settlement(venue, symbol, settlements, problems)
            for symbol in ended(name, venue, recorded, now)
        ]
        if seldom:
            await asyncio.gather(state, *seldom)
        account, quotes, open_orders = await state
        tiers = await self._tiers.read(
            name, venue, margined(name, universe, account), now, problems
        )
        transfers_at = self._clock.now()
        transfers = await read_transfers(name, venue, recorded, now, problems)
        unread = may_have_filled(name, traded, account, recorded)
        ledger_at = self._clock.now()
        booking = self._ledgers.read(name, venue, recorded, now, problems)
        if unread:
            filling = read_fills(name, venue, unread, account, recorded, problems)
            fills, ledger = await asyncio.gather(filling, booking)
        else:
            fills, ledger = (), await booking
        return VenueSnapshot(
            venue=name,
            account=account,
            quotes=quotes or {},
            open_orders=open_orders,
            fills=fills,
            instruments=venue.instruments(),
            bars=self._bars.of(name, universe, problems),
            ledger=ledger,
            settlements=settlements,
            tiers=tiers,
            transfers=transfers,
            tiers_at=self._tiers.told_at(name),
            ledger_at=ledger_at,
            transfers_at=transfers_at,
            untimely=venue.untimely(),
            problems=tuple(problems),
        )


def _traded(name: str, universe: Universe) -> list[str]:
    """Pairs and contracts in which something of ours may be or come to be."""
    listings = (*universe.spot.values(), *(x for _, x in universe.contracts), *universe.parting)
    return [x.instrument.symbol for x in listings if x.venue == name]


def _strays(name: str, venue: Exchange, recorded: Recorded) -> list[str]:
    """Contracts that carry something of ours, in the universe or not: the margin guard may have to close it."""
    listed = venue.instruments()
    return sorted(
        symbol
        for (at, symbol), known in recorded.positions.items()
        if at == name and known.own_qty != 0 and not is_spot(symbol) and symbol in listed
    )
