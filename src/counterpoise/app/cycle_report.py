"""What one cycle saw, wanted and did, as a value, and its JSON form for the journal, ``plan`` and ``status``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from counterpoise.app.carry_view import basis_rows, carry_rows, cross_rows
from counterpoise.app.margin_view import cuts_of, margin_rows, transfer_row
from counterpoise.decide.guards.plausibility import PLAUSIBLE, Plausibility
from counterpoise.domain.decision import Decisions
from counterpoise.domain.events import Alert
from counterpoise.domain.guarding import UNGUARDED, UNMEASURED, DrawdownVerdict, MarginVerdict
from counterpoise.domain.hedge_guards import NO_VERDICTS, HedgeVerdicts
from counterpoise.domain.instants import iso
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ZERO, counted, dec, quantize, text
from counterpoise.domain.order import Fill, Order, OrderState
from counterpoise.domain.plan import NOTHING, Approved, Plan, Refused
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Broke, PortfolioView, Unvalued
from counterpoise.domain.reasons import Reason
from counterpoise.domain.records import PositionRecord, TradingState
from counterpoise.domain.snapshot import Snapshot
from counterpoise.domain.transfer import Transfer

_WEIGHT = dec("1e-8")
_MONEY = dec("1e-8")

#: The code of a refusal that a trading state alone explains: whoever set it knows.
PAUSED = "trading_state"
#: A strategy's id, an asset, and the overlay it wants there.
Hedge = tuple[str, str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleReport:
    """One cycle. ``held`` says why nothing was decided at all; ``wake_at`` is when to look again.

    ``remembered`` are the overlays the strategies had before it: what they still want when it decided nothing.
    ``doubted`` is what was not plausible in it, ``unrestored`` the settings that could not be set back and why not.
    ``unproven`` are the orders whose outcome is not proven (:mod:`counterpoise.app.unproven_view`),
    ``standing`` is since when and why the state holds (:func:`counterpoise.domain.standing.standing_rows`),
    ``operator`` what people said and have yet to answer, as JSON (:mod:`counterpoise.app.operator_view`),
    ``events`` what is to come (:mod:`counterpoise.app.upcoming`), empty where no reports are made.
    """

    cycle_id: str
    portfolio: str
    as_of: datetime
    state: TradingState
    view: PortfolioView | Unvalued | Broke
    snapshot: Snapshot
    decisions: Decisions | None = None
    plan: Plan = NOTHING
    approved: tuple[Approved, ...] = ()
    refused: tuple[Refused, ...] = ()
    results: tuple[Order, ...] = ()
    fills: tuple[Fill, ...] = ()
    positions: tuple[PositionRecord, ...] = ()
    remembered: tuple[Hedge, ...] = ()
    alerts: tuple[Alert, ...] = ()
    held: tuple[Reason, ...] = ()
    within_band: bool | None = None
    wake_at: datetime | None = None
    standing: Mapping[str, str | None] = field(default_factory=dict)
    operator: Mapping[str, object] = field(default_factory=dict)
    margin: MarginVerdict = UNGUARDED
    drawdown: DrawdownVerdict = UNMEASURED
    transfers: tuple[Transfer, ...] = ()
    hedges: HedgeVerdicts = NO_VERDICTS
    doubted: Plausibility = PLAUSIBLE
    unrestored: Mapping[str, str] = field(default_factory=dict)
    unproven: Sequence[Mapping[str, object]] = ()
    events: Sequence[Mapping[str, object]] = ()

    @property
    def summary(self) -> str:
        """One line for people."""
        if self.held:
            return "hold: " + "; ".join(r.text for r in self.held[:3])
        parts = []
        if self.fills:
            parts.append(counted(len(self.fills), "fill"))
        parts += [
            f"{text(t.qty)} {t.asset} {t.source.value} -> {t.target.value} ({t.state.value.lower()})"
            for t in self.transfers
        ]
        parts += self._sent()
        stopped = sum(r.reason.code == PAUSED for r in self.refused)
        if stopped:
            orders = counted(stopped, "order")
            halted = self.state is TradingState.HALT
            parts.append(f"halted: {orders} not sent" if halted else f"paused: would send {orders}")
        if len(self.refused) > stopped:
            rest = len(self.refused) - stopped
            parts.append(f"{counted(rest, 'order')} refused by a guard")
        if self.plan.holds:
            parts.append("; ".join(h.reason.text for h in self.plan.holds[:3]))
        if not parts and self.plan.keep:
            parts.append(f"waiting on {counted(len(self.plan.keep), 'order')}")
        return ", ".join(parts) if parts else "nothing to do"

    def _sent(self) -> list[str]:
        """What was sent, in words: placements, what is odd about them, what was held back, cancels with their why."""
        reasons = {c.order.client_order_id: c.why for c in self.plan.cancel}
        placed = [o for o in self.results if o.client_order_id not in reasons]
        back = [o for o in placed if o.is_unsent]
        sent = [o for o in placed if not o.is_unsent]
        refused = [o for o in sent if o.state is OrderState.REJECTED]
        unproven = sum(o.state.is_unproven for o in sent)
        parts = []
        if sent:
            parts.append(f"{counted(len(sent), 'order')} sent")
        if refused:
            said = "; ".join(dict.fromkeys(o.reason for o in refused if o.is_refusal and o.reason))
            parts.append(
                f"{len(refused)} of them refused by the venue{f' ({said})' if said else ''}"
            )
        if unproven:
            parts.append(f"{unproven} of them unproven")
        if back:
            why = "; ".join(sorted({(o.reason or "").removeprefix("not sent: ") for o in back}))
            parts.append(f"{counted(len(back), 'order')} held back, not sent ({why})")
        if reasons:
            why = ", ".join(sorted(set(reasons.values())))
            parts.append(f"{counted(len(reasons), 'cancel')} sent ({why})")
        return parts


def document_of(
    report: CycleReport, policy: PortfolioPolicy, *, alone: bool = True
) -> dict[str, object]:
    """Return the report as the JSON object of ``plan --json`` and the journal (Decimals as text).

    The journal goes without what ``alone`` adds (:func:`counterpoise.app.margin_view.margin_rows`).
    """
    equity = report.view.equity if not isinstance(report.view, Unvalued) else None
    view = report.view if isinstance(report.view, PortfolioView) else None
    return {
        "cycle_id": report.cycle_id,
        "portfolio": report.portfolio,
        "as_of": iso(report.as_of),
        "state": report.state.value,
        **report.standing,
        "equity": _money(equity),
        "weights": weight_rows(report, policy),
        "within_band": report.within_band,
        "margin": margin_rows(report.snapshot, report.margin, view, policy.margin, alone=alone),
        "carry": carry_rows(report.hedges.carry),
        "basis": basis_rows(report.hedges.basis),
        "cross": cross_rows(report.hedges.relation),
        "drawdown": _drawdown(report.drawdown),
        "transfers": [transfer_row(t) for t in report.transfers],
        "decisions": _decisions(report),
        "targets": _targets(report),
        "coins": _coins(report),
        "orders": [_order(a.order) for a in report.approved],
        "cancels": [{**_order(c.order), "why": c.why} for c in report.plan.cancel],
        "keeps": [_order(o) for o in report.plan.keep],
        "refused": [
            {
                "order": _order(r.order),
                "guard": r.guard,
                "reason": r.reason.code,
                "text": r.reason.text,
            }
            for r in report.refused
        ],
        "holds": [
            {"symbol": h.symbol, "reason": h.reason.code, "text": h.reason.text}
            for h in report.plan.holds
        ],
        "held": [{"reason": r.code, "text": r.text} for r in report.held],
        "notes": [r.text for r in (report.decisions.notes if report.decisions else ())],
        "unproven": [dict(row) for row in report.unproven],
        "results": [{**_order(o), "reason": o.reason} for o in report.results],
        "fills": [_fill(f) for f in report.fills],
        "hedges": _hedges(report),
        "positions": _positions(report),
        "prices": _prices(report.snapshot),
        "problems": list(report.snapshot.problems),
        "wake_at": iso(report.wake_at) if report.wake_at is not None else None,
        "summary": report.summary,
        "events": [dict(row) for row in report.events],
        **report.operator,
    }


def _drawdown(verdict: DrawdownVerdict) -> dict[str, object] | None:
    """How far equity is below its high (a fraction and in quote), and the tiers; null where that is not guarded."""
    if verdict.state is None:
        return None
    depth, high, following = verdict.depth, verdict.high, verdict.following
    lost = depth * high if depth is not None and high is not None else None
    return {
        "depth": _text(quantize(depth, _WEIGHT) if depth is not None else None),
        "high": _money(high),
        "loss": _money(lost),
        "tier": verdict.tier.word,
        "next": {"tier": following[0].word, "at": text(following[1])} if following else None,
    }


def weight_rows(report: CycleReport, policy: PortfolioPolicy) -> dict[str, dict[str, str | None]]:
    """Return per asset spot, effective and target weight and the band; the quote last, as what remains."""
    view, decisions = report.view, report.decisions
    if not isinstance(view, PortfolioView):
        return {}
    targets: Mapping[str, Decimal] = decisions.effective_targets if decisions is not None else {}
    bands = {a: s.band.width(s.weight) for s in policy.sleeves for a in s.assets}
    columns = {
        "spot": {a: quantize(v.spot_weight, _WEIGHT) for a, v in view.assets.items()},
        "effective": {a: quantize(v.effective_weight, _WEIGHT) for a, v in view.assets.items()},
        "target": {a: quantize(w, _WEIGHT) for a, w in targets.items()},
    }
    for column, weights in columns.items():
        if column != "target" or decisions is not None:
            # what remains of the rounded ones, so that a column adds up to 1
            weights[view.quote] = 1 - sum(weights.values(), ZERO)
    return {
        asset: {
            **{column: _text(weights.get(asset)) for column, weights in columns.items()},
            "band": _text(bands.get(asset)),
        }
        for asset in (*view.assets, view.quote)
    }


def _decisions(report: CycleReport) -> list[dict[str, object]]:
    if report.decisions is None:
        return []
    cuts = cuts_of(report.plan, report.decisions.decisions, report.margin)
    return [
        {
            "strategy": d.strategy,
            "reason": d.reason.code,
            "text": d.reason.text,
            "numbers": dict(d.reason.numbers),
            "kind": d.kind,
            "overlay": {"asset": d.asset, "qty": text(d.overlay)},
            "given": text(d.granted),
            "cut_by": cuts.get(d.asset, []) if d.granted else [],
            "coins": _text(d.coins),
            "previous": text(d.previous),
            "changed": d.changed,
            "waits_for": [{"reason": w.code, "text": w.text} for w in d.waits_for],
        }
        for d in report.decisions.decisions
    ]


def _targets(report: CycleReport) -> list[dict[str, object]]:
    """Per contract: the position shown, the position wanted, and since when and why."""
    rows: list[dict[str, object]] = []
    for target in report.plan.targets:
        if is_spot(target.symbol):
            continue
        account = report.snapshot.venues[target.venue].account
        held = account.positions.get(target.symbol) if account is not None else None
        rows.append(
            {
                "venue": target.venue,
                "symbol": target.symbol,
                "position": text(held.qty) if held is not None else "0",
                "target": text(target.qty),
                "since": iso(target.decided_at),
                "why": target.why,
            }
        )
    return rows


def _coins(report: CycleReport) -> list[dict[str, object]]:
    """Per spot pair in which coins are being traded: what we have traded there so far, and shall have in all."""
    traded = {(p.venue, p.symbol): p.own_qty for p in report.positions}
    return [
        {
            "venue": target.venue,
            "symbol": target.symbol,
            "traded": text(traded.get((target.venue, target.symbol), ZERO)),
            "target": text(target.qty),
            "since": iso(target.decided_at),
            "why": target.why,
        }
        for target in report.plan.targets
        if is_spot(target.symbol)
    ]


def hedges_wanted(report: CycleReport) -> tuple[Hedge, ...]:
    """Return what strategies want in futures, each that is not zero; the last known where nothing was decided."""
    wanted = report.remembered
    if report.decisions is not None:
        wanted = tuple((d.strategy, d.asset, d.overlay) for d in report.decisions.decisions)
    return tuple(hedge for hedge in wanted if hedge[2] != 0)


def _hedges(report: CycleReport) -> list[dict[str, str]]:
    return [
        {"strategy": strategy, "asset": asset, "overlay": text(overlay)}
        for strategy, asset, overlay in hedges_wanted(report)
    ]


def _positions(report: CycleReport) -> list[dict[str, object]]:
    """Every futures position the venue shows, beside what explains it; ``qty`` is null where it was not read."""
    records = {(p.venue, p.symbol): p for p in report.positions}
    rows: list[dict[str, object]] = []
    for name, seen in report.snapshot.venues.items():
        shown = seen.account.positions if seen.account is not None else {}
        unread = None if seen.account is None else "0"
        symbols = {s for s, p in shown.items() if p.qty != 0}
        symbols |= {
            s
            for (v, s), r in records.items()
            if v == name and r.expected_qty != 0 and not is_spot(s)
        }
        for symbol in sorted(symbols):
            record = records.get((name, symbol))
            rows.append(
                {
                    "venue": name,
                    "symbol": symbol,
                    "qty": text(shown[symbol].qty) if symbol in shown else unread,
                    "own": text(record.own_qty) if record is not None else "0",
                    "baseline": text(record.baseline_qty) if record is not None else "0",
                }
            )
    return rows


def _prices(snapshot: Snapshot) -> dict[str, str]:
    return {
        symbol: text(quote.fair)
        for seen in snapshot.venues.values()
        for symbol, quote in seen.quotes.items()
        if quote.fair is not None
    }


def _order(order: Order) -> dict[str, object]:
    price = order.price
    return {
        "id": order.client_order_id,
        "venue": order.venue,
        "instrument": order.symbol,
        "side": order.side.value,
        "state": order.state.value,
        "qty": text(order.qty),
        "filled": text(order.filled_qty),
        "price": text(price) if price is not None else None,
        "type": order.type.value,
        "reduce_only": order.reduce_only,
        "post_only": order.post_only,
        "notional": text(order.qty * price) if price is not None else None,
        "rung": order.rung,
        "attempt": order.attempt,
    }


def _fill(fill: Fill) -> dict[str, object]:
    return {
        "venue": fill.venue,
        "instrument": fill.symbol,
        "trade_id": fill.trade_id,
        "side": fill.side.value,
        "qty": text(fill.qty),
        "price": text(fill.price),
        "fee": text(fill.fee),
        "fee_asset": fill.fee_asset,
        "maker": fill.maker,
        "at": iso(fill.filled_at),
    }


def _text(value: Decimal | None) -> str | None:
    return text(value) if value is not None else None


def _money(value: Decimal | None) -> str | None:
    return text(quantize(value, _MONEY)) if value is not None else None
