"""Empty wallets: one that was not empty before is not believed at once (MEANING 11).

A venue that is overloaded answers with an empty wallet as readily as with an error; taken at its word, it would
close every hedge on that wallet. Where a balance is on record, ``flows`` explains every change of it; what is left
for here are balances that are not on record yet: a portfolio's first look, and that of an older version's records.
A wallet that shrinks is believed, one that vanishes only after several equal looks. What was seen is remembered in
memory alone: after a restart an empty wallet is doubted while a strategy wants futures that rest on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.numbers import ONE, ZERO
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Account, Snapshot
from counterpoise.domain.strategy import from_document

#: So many healthy looks in a row must show the same emptiness ...
LOOKS = 3
#: ... from the first to the last of them over at least this long, by the time of the reads.
SPAN = timedelta(seconds=60)
SPAN_TEXT = f"{int(SPAN.total_seconds())} s"
#: How soon to look again while a wallet is doubted.
PAUSE = SPAN / (LOOKS - 1)

_Wallet = tuple[str, str]  # venue and a name for people


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of equal looks: since when, the read that last said so, and how many did."""

    since: datetime
    last: datetime
    looks: int = 1

    @property
    def settled(self) -> bool:
        """Whether it is long enough to be believed."""
        return self.looks >= LOOKS and self.last - self.since >= SPAN

    def counted(self, read_at: datetime) -> Row:
        """Return the row with one more look; the same read shown again is none."""
        if read_at <= self.last:
            return self
        return Row(since=self.since, last=read_at, looks=self.looks + 1)


class WalletWatch:
    """Doubts of one portfolio's wallets. Lives as long as the process; a new one knows nothing."""

    def __init__(self, policy: PortfolioPolicy) -> None:
        self._policy = policy
        #: Wallets whose last believed content was something (True) or nothing (False).
        self._filled: dict[_Wallet, bool] = {}
        self._doubts: dict[_Wallet, Row] = {}

    def doubts(self, snapshot: Snapshot, recorded: Recorded) -> tuple[Reason, ...]:
        """Return why the wallets of this look are not believed; empty when all are, or when none was read.

        Those of a venue and asset whose balance is on record are left to ``flows``. To be asked once per
        look. A look with an account that was not answered counts for nothing and breaks the row of equal ones; it is
        held for that reason already.
        """
        assets = (*self._policy.assets, self._policy.quote)
        if all((v, a) in recorded.wallets for v in self._policy.venues for a in assets):
            self._doubts.clear()
            return ()
        accounts: dict[str, Account] = {}
        for venue in self._policy.venues:
            seen = snapshot.venues.get(venue)
            if seen is None or seen.account is None:
                self._doubts.clear()
                return ()
            accounts[venue] = seen.account
        read_at = min(account.as_of for account in accounts.values())
        content = self._content(accounts)
        known = {
            (v, name(a)) for v, a in recorded.wallets for name in (spot_wallet, futures_wallet)
        }
        suspects = [
            wallet
            for wallet in self._suspects(content, _resting_on(recorded, self._policy))
            if wallet not in known
        ]
        before, self._doubts = self._doubts, {}
        row_goes_on = set(before) == set(suspects)
        for wallet in suspects:
            fresh = Row(since=read_at, last=read_at)
            row = before.get(wallet, fresh) if row_goes_on else fresh
            self._doubts[wallet] = row.counted(read_at)
        if all(doubt.settled for doubt in self._doubts.values()):
            self._doubts = {}
            self._filled = {wallet: qty != 0 for wallet, qty in content.items()}
            return ()
        self._filled |= {w: q != 0 for w, q in content.items() if w not in self._doubts}
        return tuple(gone(what, venue) for venue, what in self._doubts)

    def _content(self, accounts: dict[str, Account]) -> dict[_Wallet, Decimal]:
        """What each wallet holds; a futures wallet counts as something as soon as it is shown at all."""
        content: dict[_Wallet, Decimal] = {}
        for venue, account in accounts.items():
            for asset in self._policy.assets:
                balance = account.spot.get(asset)
                content[venue, spot_wallet(asset)] = balance.total if balance is not None else ZERO
            shown = self._policy.quote in account.futures
            content[venue, futures_wallet(self._policy.quote)] = ONE if shown else ZERO
        return content

    def _suspects(self, content: dict[_Wallet, Decimal], resting: frozenset[str]) -> list[_Wallet]:
        """Empty wallets that were filled, or, where nothing is known yet, that a wish in futures rests on."""
        quote = self._policy.quote
        rests = {spot_wallet(asset) for asset in resting} | (
            {futures_wallet(quote)} if resting else set()
        )
        nowhere = {
            what
            for what in {w for _, w in content}
            if all(qty == 0 for (_, w), qty in content.items() if w == what)
        }
        return [
            (venue, what)
            for (venue, what), qty in content.items()
            if qty == 0 and self._filled.get((venue, what), what in rests and what in nowhere)
        ]


def _resting_on(recorded: Recorded, policy: PortfolioPolicy) -> frozenset[str]:
    """The assets whose coins a short rests on: not a long's, and not those kept outside the venues."""
    return frozenset(
        asset
        for record in recorded.strategies.values()
        for asset, qty in from_document(record.kind, record.document).overlays.items()
        if qty < 0 and policy.holdings.get(asset, ZERO) == 0
    )


def gone(wallet: str, venue: str) -> Reason:
    """Return the doubt that ``wallet`` is really empty."""
    return reason("wallet_gone", wallet=f"{wallet} at {venue}", looks=LOOKS, span=SPAN_TEXT)


def spot_wallet(asset: str) -> str:
    """Name the spot wallet of ``asset`` for people."""
    return f"the spot wallet of {asset}"


def futures_wallet(quote: str) -> str:
    """Name the futures wallet of ``quote`` for people."""
    return f"the futures wallet of {quote}"
