"""Where it is told, beside alerts, how portfolios stand after each completed look: the broker and the heartbeat.

Nothing here is awaited by a look, and nothing here may break one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from decimal import Decimal

import structlog

from counterpoise.app.clock import WallClock
from counterpoise.app.cycle_report import CycleReport, hedges_wanted, weight_rows
from counterpoise.app.margin_view import nearest_share
from counterpoise.config.settings import Settings
from counterpoise.domain.instants import iso
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ZERO, text
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Unvalued
from counterpoise.domain.records import PositionRecord
from counterpoise.domain.snapshot import Position
from counterpoise.notify.heartbeat import Heartbeat
from counterpoise.notify.mqtt import MqttSink
from counterpoise.ports import Sink

log = structlog.get_logger(__name__)


class Outlets:
    """Passes completed looks on. ``mqtt`` and ``heartbeat`` are None where the config has none."""

    def __init__(
        self,
        policies: Mapping[str, PortfolioPolicy],
        mqtt: MqttSink | None = None,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self._policies = policies
        self._mqtt = mqtt
        self._heartbeat = heartbeat

    def looked(self, report: CycleReport) -> None:
        """Take in a completed look; returns at once and never raises."""
        try:
            if self._mqtt is not None:
                policy = self._policies[report.portfolio]
                self._mqtt.looked(report.portfolio, state_document(report, policy))
            if self._heartbeat is not None:
                self._heartbeat.looked(report.portfolio)
        except Exception as error:
            # a look is not to suffer from who is told of it
            log.exception("outlet_broke", portfolio=report.portfolio, error=str(error))


async def open_outlets(
    settings: Settings, sinks: Mapping[str, Sink], stack: AsyncExitStack
) -> Outlets:
    """Begin to tell, each in a task of its own; ``stack`` ends them."""
    mqtt = sinks.get("mqtt")
    if isinstance(mqtt, MqttSink):
        mqtt.start()
        stack.push_async_callback(mqtt.close)
    else:
        mqtt = None
    heartbeat = None
    if settings.alerts.heartbeat is not None:
        names = [p.id for p in settings.portfolios]
        heartbeat = Heartbeat(settings.alerts.heartbeat, names, WallClock())
        heartbeat.start()
        stack.push_async_callback(heartbeat.close)
    return Outlets({p.id: p for p in settings.portfolios}, mqtt, heartbeat)


def state_document(report: CycleReport, policy: PortfolioPolicy) -> dict[str, object]:
    """Return how a portfolio stands as a JSON object: Decimals as text, shares as fractions, null for unknown.

    ``weights`` are the effective ones; ``margin`` is that of the pool nearest to liquidation; ``positions`` is what we
    hold in futures by asset (base units, signed; foreign positions left out), ``hedges`` what each strategy wants
    there and ``hedged`` its sums by asset.
    """
    view = report.view
    weights = weight_rows(report, policy)
    hedges = hedges_wanted(report)
    hedged: dict[str, Decimal] = {}
    for _, asset, qty in hedges:
        hedged[asset] = hedged.get(asset, ZERO) + qty
    return {
        "schema": 1,
        "portfolio": report.portfolio,
        "as_of": iso(report.as_of),
        "state": report.state.value,
        "quote": policy.quote,
        "equity": text(view.equity) if not isinstance(view, Unvalued) else None,
        "weights": {asset: row["effective"] for asset, row in weights.items()},
        "margin": nearest_share(report.margin),
        "hedges": [
            {"strategy": strategy, "asset": asset, "overlay": text(qty)}
            for strategy, asset, qty in hedges
        ],
        "hedged": {asset: text(qty) for asset, qty in hedged.items()},
        "positions": {
            asset: text(qty) if qty is not None else None
            for asset, qty in own_futures(report, policy).items()
        },
        "summary": report.summary,
    }


def own_futures(report: CycleReport, policy: PortfolioPolicy) -> dict[str, Decimal | None]:
    """Return what we hold in futures by asset, base units: of every listed one, and of others that we hold.

    None is unknown: a venue was not read, or it shows something else than is booked. Where it shows none and nothing
    foreign was there, none of it is ours.
    """
    sums: dict[str, Decimal | None] = {a: ZERO for a in policy.assets if a != policy.quote}
    seen = report.snapshot.venues
    accounts = {n: v.account.positions for n, v in seen.items() if v.account is not None}
    unread = any(venue not in accounts for venue in policy.venues)
    for record in report.positions:
        asset = base_of(record.symbol)
        if is_spot(record.symbol) or (asset not in sums and record.own_qty == 0):
            continue
        own, so_far = _own(record, accounts.get(record.venue)), sums.get(asset, ZERO)
        sums[asset] = own + so_far if own is not None and so_far is not None else None
    return dict.fromkeys(sums) if unread else sums


def _own(record: PositionRecord, shown: Mapping[str, Position] | None) -> Decimal | None:
    if shown is None:
        return None
    held = shown.get(record.symbol)
    qty = held.qty if held is not None else ZERO
    if qty == record.expected_qty:
        return record.own_qty
    return ZERO if qty == 0 and record.baseline_qty == 0 else None
