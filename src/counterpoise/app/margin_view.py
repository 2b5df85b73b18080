"""Margin as JSON: per venue the nearest pool, every pool, and the stress view (``plan``, ``status``, the journal)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from counterpoise.decide.guards.foresight import ForeseenPool
from counterpoise.domain.decision import Decision
from counterpoise.domain.guarding import MarginVerdict, PoolCheck
from counterpoise.domain.health import (
    Pool,
    Stress,
    liquidation_prices,
    stressed,
    stressed_by,
)
from counterpoise.domain.numbers import ONE, ZERO, dec, quantize, text
from counterpoise.domain.plan import Plan
from counterpoise.domain.policy import MarginPolicy
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.snapshot import Snapshot
from counterpoise.domain.transfer import Transfer

#: The moves of the stress view.
MOVES = tuple(
    dec(m)
    for m in (
        "-0.5",
        "-0.3",
        "-0.2",
        "-0.1",
        "-0.05",
        "0.05",
        "0.1",
        "0.2",
        "0.3",
        "0.5",
    )
)
_SHARE = dec("1e-6")
_MONEY = dec("0.01")


def margin_rows(
    snapshot: Snapshot,
    margin: MarginVerdict,
    view: PortfolioView | None = None,
    policy: MarginPolicy | None = None,
    *,
    alone: bool = True,
) -> dict[str, dict[str, object]]:
    """Return ``{venue: {distance, ratio, wallets, pools, stress}}``; distance and ratio are those of the worst pool.

    Null: nothing is open there, or it could not be judged (``unseen`` says why). A stress row's ``equity`` is that of
    the whole portfolio, coins included, whatever pools the move liquidates; null where it could not be valued.
    Without ``alone`` the distance after a move of one asset alone is null: it takes most of the time, and nobody is
    shown it. A pool's ``missing`` is what it lacks to be ``wanted`` (a distance, by ``policy``) away.
    """
    rows: dict[str, dict[str, object]] = {}
    pools = [c.pool for c in margin.checks]
    wanted = policy.warn + policy.hysteresis if policy is not None else None
    for name, seen in snapshot.venues.items():
        mine = [c for c in margin.checks if c.pool.venue == name]
        distances = [d for c in mine if (d := c.distance.adverse) is not None]
        ratios = [r for c in mine if (r := c.pool.ratio) is not None]
        unseen = margin.unseen.get(name)
        wallets = seen.account.futures if seen.account is not None else {}
        rows[name] = {
            "distance": _share(min(distances, default=None)),
            "ratio": _share(max(ratios, default=None)),
            "wallets": {
                asset: {
                    "wallet_balance": text(w.wallet_balance),
                    "unrealized_pnl": text(w.unrealized_pnl),
                    "available": text(w.available),
                }
                for asset, w in wallets.items()
            },
            "pools": [_pool(c, wanted) for c in mine if any(h.qty for h in c.pool.holdings)],
            "stress": [
                _stress(c.pool, row, _equity(view, pools, row))
                for c in mine
                if any(h.qty for h in c.pool.holdings)
                for row in stressed(c.pool, MOVES, alone=alone)
            ],
            "unseen": unseen.text if unseen is not None else None,
        }
    return rows


def nearest_share(margin: MarginVerdict) -> dict[str, str | None]:
    """Return ``{distance, ratio}`` of the pool nearest to liquidation over all venues; null as in the rows."""
    distances = [d for c in margin.checks if (d := c.distance.adverse) is not None]
    ratios = [r for c in margin.checks if (r := c.pool.ratio) is not None]
    return {
        "distance": _share(min(distances, default=None)),
        "ratio": _share(max(ratios, default=None)),
    }


def cuts_of(
    plan: Plan, decisions: Iterable[Decision], margin: MarginVerdict
) -> dict[str, list[str]]:
    """Return asset -> why its futures are smaller than strategies want, where the margin guard cuts them."""
    wanted: dict[str, Decimal] = {}
    for decision in decisions:
        wanted[decision.asset] = wanted.get(decision.asset, ZERO) + decision.granted
    cuts: dict[str, list[str]] = {}
    for target in plan.targets:
        contract = (target.venue, target.symbol)
        cap = margin.caps.get(contract)
        if cap is not None and abs(wanted.get(target.asset, ZERO)) > cap:
            cuts.setdefault(target.asset, []).append(margin.why[contract].text)
    return cuts


def _pool(check: PoolCheck, wanted: Decimal | None) -> dict[str, object]:
    pool, distance = check.pool, check.distance
    return {
        "asset": pool.asset,
        "isolated": pool.isolated,
        "step": check.step.word,
        "wallet": _money(pool.wallet),
        "balance": _money(pool.balance),
        "maintenance": _money(pool.maintenance),
        "notional": _money(pool.notional),
        "ratio": _share(pool.ratio),
        "distance": _share(distance.adverse),
        "up": _share(distance.up),
        "down": _share(distance.down),
        "reachable": _money(check.reachable),
        "missing": _money(check.missing),
        "wanted": _share(wanted),
        "assumed": list(check.assumed),
        "liquidation": {s: _price(p) for s, p in liquidation_prices(pool).items()},
    }


def _equity(view: PortfolioView | None, pools: Iterable[Pool], row: Stress) -> Decimal | None:
    """Equity after the move of ``row``.

    A pool that it liquidates loses its balance, all of it and no more: what its positions would have lost or gained
    beyond that is not the portfolio's, they are gone.
    """
    if view is None:
        return None
    prices = {view.quote: ONE, **{a.asset: a.spot_price for a in view.assets.values()}}
    moved = (a for a in view.assets.values() if row.asset in {None, a.asset})
    equity = view.equity + sum((a.exposure_qty * a.price * row.move for a in moved), ZERO)
    for pool in pools:
        after = stressed_by(pool, row.asset, row.move)
        if after.liquidated:
            equity -= after.balance * prices.get(pool.asset, ZERO)
    return equity


def _stress(pool: Pool, row: Stress, equity: Decimal | None) -> dict[str, object]:
    return {
        "equity": _money(equity) if equity is not None else None,
        "asset": row.asset,
        "collateral": pool.asset,
        "isolated": pool.isolated,
        "move": text(row.move),
        "balance": _money(row.balance),
        "left": _money(row.left),
        "liquidated": row.liquidated,
        "ratio": _share(row.ratio),
        "distance": _share(row.distance),
    }


def foreseen_rows(
    pools: Iterable[ForeseenPool], policy: MarginPolicy | None
) -> list[dict[str, object]]:
    """Return per pool that a plan's orders change: how it would stand, and what would be moved in then."""
    wanted = policy.warn + policy.hysteresis if policy is not None else None
    return [
        {
            "venue": p.check.pool.venue,
            **_pool(p.check, wanted),
            "moved": text(p.moved.qty) if p.moved is not None else None,
            "then": _share(p.then.adverse) if p.then is not None else None,
        }
        for p in pools
    ]


def transfer_row(transfer: Transfer) -> Mapping[str, object]:
    """Return a transfer as JSON."""
    return {
        "id": transfer.id,
        "venue": transfer.venue,
        "asset": transfer.asset,
        "qty": text(transfer.qty),
        "from": transfer.source.value,
        "to": transfer.target.value,
        "symbol": transfer.symbol,
        "state": transfer.state.value,
        "why": transfer.why,
        "reason": transfer.reason,
    }


def _share(value: Decimal | None) -> str | None:
    return text(quantize(value, _SHARE)) if value is not None else None


def _money(value: Decimal) -> str:
    return text(quantize(value, _MONEY))


def _price(value: Decimal | None) -> str | None:
    return text(quantize(value, dec("1e-4"))) if value is not None else None
