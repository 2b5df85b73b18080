"""The stores under contract: each with its ports, and a way to come back to the same rows as after a restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from counterpoise.domain.records import Changes, PortfolioRecord, TradingState
from counterpoise.ports import Journal, Outbox, Store

NOW = datetime(2025, 4, 7, 6, 30, 0, 123456, tzinfo=UTC)


@dataclass
class Kept:
    """The ports on one set of rows, and a way to come back to them as after a restart."""

    store: Store
    journal: Journal
    outbox: Outbox
    reopen: Callable[[], tuple[Store, Journal, Outbox]]

    async def restart(self) -> None:
        await self.store.close()
        self.store, self.journal, self.outbox = self.reopen()
        await self.store.open()


def a_record(**changes: object) -> PortfolioRecord:
    record = PortfolioRecord(
        id="treasury", trading_state=TradingState.RUN, config_hash="c0ffee", started_at=NOW
    )
    return replace(record, **changes)  # type: ignore[arg-type]  # a test names real fields


async def commit(kept: Kept, **parts: object) -> None:
    await kept.store.commit(Changes(portfolio="treasury", **parts))  # type: ignore[arg-type]  # as above
