"""Margin in documents: what the whole portfolio is worth where a move liquidates some of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from counterpoise.app.margin_view import margin_rows
from counterpoise.decide.guards.margin import guard_margin
from counterpoise.domain.margin import flat_tier
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import MarginPolicy
from counterpoise.domain.portfolio import AssetView, PortfolioView
from counterpoise.domain.snapshot import MarginMode, Position, Snapshot
from tests.build import BTC_PERP, NOW, SOL_PERP, VENUE, make_policy, with_venue
from tests.unit.decide.guards.test_margin import TIERS, book, world


def valued(equity: int, **futures: int) -> PortfolioView:
    """1 BTC at 100,000 and 100 SOL at 100 in coins, against ``futures``."""
    held, prices = {"BTC": 1, "SOL": 100}, {"BTC": 100_000, "SOL": 100}
    return PortfolioView(
        portfolio="p", as_of=NOW, quote="USDT", equity=dec(equity),
        assets={
            a: AssetView(
                asset=a, spot_qty=dec(held[a]), outside_qty=dec(0), futures_qty=dec(qty),
                price=dec(prices[a]), spot_price=dec(prices[a]), equity=dec(equity),
            )
            for a, qty in futures.items()
        },
    )  # fmt: skip


def equities(snapshot: Snapshot, view: PortfolioView) -> dict[tuple[str | None, str], Decimal]:
    """(asset, move) -> equity, the same in the rows of all pools."""
    policy = make_policy(margin=MarginPolicy())
    rows = margin_rows(snapshot, guard_margin(snapshot, book(), policy), view)[VENUE]["stress"]
    found: dict[tuple[str | None, str], Decimal] = {}
    for row in rows:  # type: ignore[attr-defined]  # JSON
        key = (row["asset"], row["move"])
        assert found.setdefault(key, dec(row["equity"])) == dec(row["equity"])
    return found


def test_a_liquidated_wallet_loses_what_is_in_it_and_no_more() -> None:
    """1 BTC at 100,000 hedged in full on 15,000: +50 % takes the wallet and leaves the coins their gain."""
    found = equities(world(15_000, spot=1000), valued(116_000, BTC=-1))
    assert found[None, "0.1"] == 116_000
    assert found[None, "-0.5"] == 116_000
    assert found[None, "0.5"] == 116_000 + 50_000 - 15_000
    # 0.4 % of maintenance: liquidated with 200 of its balance left, which are lost as well
    found = equities(world(20_200), valued(120_200, BTC=-1))
    assert found[None, "0.2"] == 100_000 + 20_000


def test_each_pool_is_liquidated_on_its_own() -> None:
    """BTC on the shared wallet dies at +20 %, SOL on its own wallet lives."""
    made = world(15_000)
    account = made.venues[VENUE].account
    assert account is not None
    sol = Position(
        symbol=SOL_PERP, qty=dec(-100), entry_price=dec(100), mark_price=dec(100),
        unrealized_pnl=dec(0), isolated_wallet=dec(9000),
        margin_mode=MarginMode.ISOLATED,
    )  # fmt: skip
    held = replace(account, positions={**account.positions, SOL_PERP: sol})
    tiers = {**TIERS, SOL_PERP: flat_tier(dec("0.01"))}
    wallet = replace(held.futures["USDT"], wallet_balance=dec(24_000))
    both = with_venue(made, account=replace(held, futures={"USDT": wallet}), tiers=tiers)
    found = equities(both, valued(134_000, BTC=-1, SOL=-100))
    assert found[None, "0.2"] == 134_000 + 20_000 - 15_000
    assert found[None, "0.1"] == 134_000
    assert BTC_PERP in account.positions
