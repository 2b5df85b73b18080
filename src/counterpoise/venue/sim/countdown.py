"""The dead man's switch: the open orders of a contract are cancelled unless their owner keeps putting it off."""

from __future__ import annotations

from datetime import datetime

from counterpoise.venue.sim.accounts import Account
from counterpoise.venue.sim.desk import OrderDesk


class Countdowns:
    """The running countdowns of all accounts, as one stream of instants: at most one per account and contract."""

    def __init__(self, desk: OrderDesk) -> None:
        self._desk = desk
        self._due: dict[tuple[str, str], tuple[datetime, Account]] = {}

    def arm(self, account: Account, symbol: str, at: datetime) -> None:
        """Cancel everything open of ``account`` in the contract ``symbol`` when ``at`` has come, not before."""
        self._due[account.id, symbol] = (at, account)

    def disarm(self, account: Account, symbol: str) -> None:
        """Stop a countdown; none running is fine."""
        self._due.pop((account.id, symbol), None)

    def next_at(self) -> datetime | None:
        """Return when the next one ends, None while none runs."""
        return min((at for at, _ in self._due.values()), default=None)

    def step(self, at: datetime) -> None:
        """End the countdowns that are due ``at``."""
        for key in sorted(key for key, (due, _) in self._due.items() if due <= at):
            _, account = self._due.pop(key)
            self._desk.cancel_contracts(account, {key[1]}, at)
