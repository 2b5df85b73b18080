"""What alerts carry is what is declared: titles, people's templates and the check of these go by the declaration."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from counterpoise.domain.alert_fields import DATA, KEYS, fields_of
from counterpoise.domain.categories import CATEGORIES
from counterpoise.domain.course import Course
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.guarding import Lowering, PoolCheck, Step
from counterpoise.domain.health import Distance, Pool
from counterpoise.domain.instants import iso
from counterpoise.domain.numbers import ONE, ZERO, dec
from counterpoise.domain.operator import Approval, Command, CommandKind, CommandState
from counterpoise.domain.order import Forced, Side
from counterpoise.domain.reasons import reason
from counterpoise.domain.records import Flow, TradingState
from counterpoise.domain.reporting import Period
from counterpoise.domain.running import Run
from counterpoise.domain.strategy import ProfitLadderPolicy
from counterpoise.domain.strategy.conversion import AssetConversion
from counterpoise.domain.strategy.profit_ladder import LadderTarget
from counterpoise.domain.templates import COMMON
from counterpoise.domain.transfer import TransferState
from counterpoise.notify.costs import Cost
from counterpoise.notify.doubt_messages import changes_accepted
from counterpoise.notify.foreign_messages import orders_taken_down
from counterpoise.notify.lifecycle_messages import (
    first_watched,
    owner_moved,
    stopped,
    watched_again,
)
from counterpoise.notify.margin_messages import pool_values, reminder, state_lowered, transfers_told
from counterpoise.notify.messages import (
    condition_cleared,
    condition_raised,
    flow_found,
    order_values,
)
from counterpoise.notify.move_messages import (
    Place,
    Rungs,
    coins_traded,
    hedge_moved,
    ladder_begun,
    ladder_crosses,
    ladder_done,
    ladder_goes_on,
    ladder_left,
    taken_by_venue,
)
from counterpoise.notify.operator_messages import (
    approval_asked,
    approval_expired,
    command_heeded,
    flattened,
    override_ended,
)
from counterpoise.notify.report_messages import report_told
from counterpoise.notify.strategy_messages import (
    Part,
    conversion_begun,
    conversion_ended,
    conversion_goes_on,
    strategy_turned,
    target_hit,
    tranche_taken,
)
from tests.build import BTC_PERP, NOW, make_fill, make_order, make_transfer
from tests.unit.notify.reported import REPORT

SOURCE = Path(__file__).parents[3] / "src" / "counterpoise"
CHECK = PoolCheck(
    pool=Pool(venue="main", asset="USDT", wallet=dec(1000), holdings=()),
    step=Step.WARN,
    distance=Distance(up=dec("0.2"), down=None),
)
REQUEST = Approval(
    id="a1", portfolio="treasury", strategy="out", asset="BTC", cap=ZERO, wanted=-ONE, why="because",
    asked_at=NOW, deadline_at=NOW + timedelta(hours=4),
)  # fmt: skip
WORD = Command(
    id="c1", portfolio="treasury", kind=CommandKind.PAUSE, who="mia", origin="cli", asked_at=NOW,
    state=CommandState.DONE, answer="done",
)  # fmt: skip
LOWER = Lowering(
    state=TradingState.REDUCE_ONLY,
    why=reason("margin_stops_adding", venue="main", asset="USDT", distance="0.1", step="reduce"),
)


COURSE = Course(
    of="d", asset="BTC", side=Side.SELL, began_at=NOW, told_at=NOW, goal=-ONE
)  # fmt: skip
RUN = Run(host="a", pid=1, started_at=NOW)
PART = Part(
    asset="BTC",
    begun=AssetConversion(futures=-ONE, spot=-ONE, spot_from=ZERO),
    courses={BTC_PERP: COURSE.plus([make_fill()]), "BTC/USDT": COURSE.plus([make_fill()])},
)
OUT = ProfitLadderPolicy(
    id="out", asset="BTC", targets=(LadderTarget(price=dec(90_000), add=dec("0.25")),)
)


def of_moves(before: Decimal, after: Decimal) -> list[Alert]:
    """Everything that is told of a position that went from ``before`` to ``after``."""
    place = Place(
        portfolio="treasury",
        asset="BTC",
        venue="main",
        symbol=BTC_PERP,
        cost=Cost(fees=ONE, open_price=ONE),
        why="x",
    )
    moved = after - before
    course = replace(COURSE, before=before, net=moved)
    rungs = Rungs(filled=1, placed=2)
    return [
        hedge_moved(place, before, after, (make_fill(),), NOW),
        taken_by_venue(place, before, after, (make_fill(),), Forced.LIQUIDATION, ONE, NOW),
        ladder_begun(place, course, rungs, NOW),
        ladder_goes_on(place, course, rungs, NOW),
        ladder_done(place, course, rungs, moved, NOW),
        ladder_left(place, course, rungs, "as nothing is wanted", NOW),
        ladder_crosses(place, before, after, ONE, make_order(), dec("0.002"), NOW),
        coins_traded(replace(place, cost=None, symbol="BTC/USDT"), (make_fill(),), NOW),
    ]


def of_condition(key: str, data: dict[str, str]) -> list[Alert]:
    kind = key.partition(":")[0]
    return [
        condition_raised("treasury", key, kind, Severity.WARNING, "x", NOW, data),
        condition_cleared("treasury", key, kind, "x", NOW, data),
    ]


def every_maker() -> dict[str, list[Alert]]:
    """Alerts that carry data, by the function that makes them."""
    flow = Flow(id="f", venue="main", asset="BTC", qty=ONE, at=NOW, source="ledger")  # fmt: skip
    moves = [(ZERO, -ONE), (-ONE, -2 * ONE), (-ONE, ZERO)]
    accepted = [
        reason("foreign_accepted", symbol=BTC_PERP, change="1", own="0", baseline="1"),
        reason("taken_by_venue", symbol=BTC_PERP, qty="1", how="liquidation"),
    ]
    settled = tuple(make_transfer(state=s) for s in (TransferState.DONE, TransferState.REJECTED))
    return {
        "_told": [told for before, after in moves for told in of_moves(before, after)],
        "orders_taken_down": [
            orders_taken_down("treasury", "main", BTC_PERP, [make_order(Side.SELL)], NOW)
        ],
        "first_watched": [first_watched("treasury", RUN, NOW)],
        "watched_again": [
            watched_again("treasury", RUN, RUN, None, (), NOW),
            watched_again("treasury", RUN, None, None, (), NOW),
        ],
        "owner_moved": [owner_moved("treasury", RUN, RUN, NOW)],
        "stopped": [stopped("treasury", RUN, "no hedge is on", NOW)],
        "target_hit": [target_hit("treasury", OUT, 0, 1, NOW)],
        "tranche_taken": [
            tranche_taken("treasury", "in", "BTC", "entry", "1", "takes its entry", NOW)
        ],
        "strategy_turned": [
            strategy_turned("treasury", OUT, "BTC", "ended", -ONE, "out ends", NOW)
        ],
        "conversion_begun": [conversion_begun("treasury", "less", {"BTC": PART.begun}, NOW)],
        "conversion_goes_on": [conversion_goes_on("treasury", "less", [PART], NOW)],
        "conversion_ended": [
            conversion_ended(
                "treasury", "less", [PART], Cost(fees=ONE, open_price=ONE), NOW, through=True
            )
        ],
        "flow_found": [flow_found("treasury", flow, "USDT")],
        "changes_accepted": [
            one
            for why in accepted
            for one in changes_accepted("treasury", {("main", BTC_PERP): why}, NOW)
        ],
        "transfers_told": list(transfers_told("treasury", settled, NOW)),
        "state_lowered": [state_lowered("treasury", LOWER, NOW)],
        "reminder": [reminder("treasury", CHECK, NOW)],
        "command_heeded": [command_heeded(WORD, NOW)],
        "report_told": [report_told(replace(REPORT, period=p), NOW) for p in Period],
        "override_ended": [override_ended("treasury", NOW, NOW)],
        "flattened": [flattened("treasury", NOW)],
        "approval_asked": [approval_asked(REQUEST, NOW)],
        "approval_expired": [approval_expired(REQUEST, NOW)],
        "condition_raised": of_condition("margin:main/USDT:near", pool_values(CHECK)),
        "condition_cleared": [
            one
            for key, data in (
                (f"order:main:{BTC_PERP}", {"orders": "cp1,cp2"}),
                ("wrong_reply:cp1", order_values(make_order(Side.SELL))),
                ("sink:telegram:7", {"failing_since": iso(NOW), "failures": "12"}),
            )
            for one in of_condition(key, data)
        ],
    }


def makers_in_source() -> set[str]:
    """The functions that give ``data`` to an alert."""
    found: set[str] = set()
    for room in ("app", "notify"):
        for file in (SOURCE / room).rglob("*.py"):
            for function in ast.walk(ast.parse(file.read_text())):
                if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                for node in ast.walk(function):
                    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                        named = any(k.arg == "data" for k in node.keywords)
                        if node.func.id == "alert" and named:
                            found.add(function.name)
    return found


def test_what_alerts_carry_is_declared_and_what_is_declared_is_carried() -> None:
    made = every_maker()
    assert makers_in_source() == set(made)
    carried: dict[str, set[str]] = {}
    for alerts in made.values():
        for one in alerts:
            carried.setdefault(one.kind, set()).update(one.data)
    assert carried == {
        kind: {*names} - ({"ratio"} if kind in {"margin", "margin_halted"} else set())
        for kind, names in DATA.items()
    }


def test_no_name_means_two_things() -> None:
    for kind in (*DATA, *KEYS):
        assert kind in CATEGORIES
        assert not set(fields_of(kind)) & set(COMMON), kind
        assert all(name.isidentifier() and name.islower() for name in fields_of(kind))
