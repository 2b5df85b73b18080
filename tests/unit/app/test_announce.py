from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from counterpoise.app.announce import Announcer
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.judge import Judgement
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.guarding import MarginVerdict
from counterpoise.domain.hedge_book import Booked, BookLine
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Order, OrderState, Side
from counterpoise.domain.plan import Cancel, Hold, Plan, Refused, Target
from counterpoise.domain.portfolio import Unvalued
from counterpoise.domain.reasons import reason
from counterpoise.domain.records import PositionRecord, Recorded
from counterpoise.execute.reconcile import FOUND, TAKEN_DOWN, Reconciled
from tests.build import (
    BTC_PERP,
    NOW,
    PORTFOLIO,
    VENUE,
    make_fill,
    make_order,
    make_policy,
    make_recorded,
    make_universe,
    make_view,
    with_venue,
)
from tests.unit.app.reports import UNCHANGED, healthy_snapshot, make_report

NOTHING_RAISED: frozenset[str] = frozenset()
POSITION = f"position:{VENUE}:{BTC_PERP}"
UNEXPLAINED = replace(
    UNCHANGED,
    unexplained={
        (VENUE, BTC_PERP): reason(
            "position_unexplained", symbol=BTC_PERP, position="-1", expected="0"
        )
    },
)
STALE = reason("not_valued", missing="account of main")
REFUSAL = Refused(
    order=make_order(),
    guard="limits",
    reason=reason("max_open_orders", limit="50"),
)


def announcer() -> Announcer:
    return Announcer(make_policy())


class People:
    """What people have been told so far: raised keys as the store would keep them."""

    def __init__(self) -> None:
        self.announcer = announcer()
        self.raised: frozenset[str] = NOTHING_RAISED

    def hear(self, report: CycleReport, seen: Reconciled = UNCHANGED) -> list[str]:
        """The keys told of after one cycle, a cleared one with a minus."""
        alerts = self.announcer.conditions(report, seen, self.raised)
        for alert in alerts:
            assert alert.key is not None
            change = frozenset({alert.key})
            self.raised = self.raised - change if alert.cleared else self.raised | change
        return [f"-{a.key}" if a.cleared else str(a.key) for a in alerts]

    def restart(self) -> None:
        """A new process with the same database."""
        self.announcer = announcer()


def deaf_report() -> CycleReport:
    """A cycle whose venue did not answer a question that no decision needed."""
    return make_report(with_venue(healthy_snapshot(), problems=("prices: time-out", "x: y")))


# --- lasting conditions


@pytest.mark.parametrize(
    ("report", "seen", "key"),
    [
        (deaf_report(), UNCHANGED, f"venue:{VENUE}"),
        (make_report(held=(STALE,)), UNCHANGED, "hold:not_valued"),
        (
            make_report(results=(make_order(state=OrderState.UNKNOWN),)),
            UNCHANGED,
            f"order:{VENUE}:{BTC_PERP}",
        ),
        (
            make_report(),
            replace(UNCHANGED, orders=(make_order(state=OrderState.UNKNOWN),)),
            f"order:{VENUE}:{BTC_PERP}",
        ),
        (make_report(refused=(REFUSAL,)), UNCHANGED, f"refused:{BTC_PERP}:max_open_orders"),
    ],
    ids=["venue", "hold", "sent and unproven", "still unproven", "refused"],
)
def test_a_condition_is_told_when_it_begins_and_when_it_ends_and_not_between(
    report: CycleReport, seen: Reconciled, key: str
) -> None:
    people = People()
    assert people.hear(make_report()) == []
    assert people.hear(report, seen) == [key]
    assert people.hear(report, seen) == []
    people.restart()
    assert people.hear(report, seen) == []
    if key.startswith("refused:"):
        # it comes and goes with every order: it must have stayed away for a minute
        assert people.hear(make_report()) == []
        assert people.hear(report, seen) == []
        assert people.hear(make_report()) == []
        assert people.hear(later(59)) == []
    assert people.hear(later(60)) == [f"-{key}"]
    assert people.hear(later(60)) == []


@pytest.mark.parametrize("state", [OrderState.UNKNOWN, OrderState.PENDING])
def test_what_stays_unproven_for_two_minutes_is_critical_once_per_contract(
    state: OrderState,
) -> None:
    rows = tuple(
        make_order(
            client_order_id=f"cp{n}",
            state=state,
            created_at=NOW - timedelta(hours=1),
            updated_at=NOW,
        )
        for n in range(2)
    )
    seen, people = replace(UNCHANGED, orders=rows), People()
    people.hear(later(119), seen)
    assert people.hear(later(120), seen) == [f"frozen:{VENUE}:{BTC_PERP}"]
    people.restart()
    assert people.hear(later(300), seen) == []
    assert f"-frozen:{VENUE}:{BTC_PERP}" in people.hear(later(301))
    (told,) = (
        a for a in announcer().conditions(later(120), seen, NOTHING_RAISED) if a.kind == "frozen"
    )
    assert told.severity is Severity.CRITICAL
    assert told.text.startswith(f"{BTC_PERP} at main stays frozen: main has not shown for two")
    assert all(f"({row.client_order_id})" in told.text for row in rows)


def test_an_acknowledged_order_that_is_not_found_is_said_to_be_odd_and_what_ends_it() -> None:
    row = make_order(state=OrderState.UNKNOWN, created_at=NOW, updated_at=NOW)
    for number, odd in ((None, False), ("8123", True)):
        seen = replace(UNCHANGED, orders=(replace(row, venue_order_id=number),))
        alerts = announcer().conditions(later(120), seen, NOTHING_RAISED)
        (told,) = (a for a in alerts if a.kind == "frozen")
        assert ("acknowledged cp-test-order as number 8123" in told.text) is odd
        assert ("counts as ended from 2025-06-05T12:00:00.000Z on" in told.text) is odd


def test_what_is_too_little_to_trade_is_told_once_and_quietly() -> None:
    little = reason("below_minimum", qty="0.0004", asset="BTC", least="0.001 BTC")
    plan = Plan(holds=(Hold(symbol=BTC_PERP, reason=little),))
    people, key = People(), f"residue:{BTC_PERP}"
    (told,) = announcer().conditions(make_report(plan=plan), UNCHANGED, NOTHING_RAISED)
    assert (told.key, told.severity) == (key, Severity.INFO)
    assert people.hear(make_report(plan=plan)) == [key]
    people.restart()
    assert people.hear(make_report(plan=plan)) == []
    assert people.hear(make_report(held=(STALE,))) == ["hold:not_valued"], "nothing was planned"
    assert people.hear(make_report()) == ["-hold:not_valued", f"-{key}"]


def later(seconds: int) -> CycleReport:
    return replace(make_report(), as_of=NOW + timedelta(seconds=seconds))


def test_what_is_said_names_what_it_is_about() -> None:
    report = replace(
        deaf_report(),
        held=(STALE,),
        refused=(REFUSAL,),
        results=(
            make_order(state=OrderState.UNKNOWN),
            make_order(client_order_id="cp-other", state=OrderState.OPEN),
        ),
    )
    told = {a.kind: a for a in announcer().conditions(report, UNCHANGED, NOTHING_RAISED)}
    assert {k: a.severity for k, a in told.items()} == {
        "venue": Severity.WARNING,
        "hold": Severity.WARNING,
        "order": Severity.WARNING,
        "refused": Severity.WARNING,
    }
    assert told["venue"].text == "main does not answer: prices: time-out; x: y"
    assert told["hold"].text == "No decision: cannot value the portfolio: account of main"
    assert told["order"].text.startswith(
        f"The outcome of an order on {BTC_PERP} at main is not proven: sell 0.1 BTC (cp-test-order). It counts"
    )
    assert (
        told["refused"].text == f"Refused to sell 0.1 BTC with {BTC_PERP}: more than 50 open orders"
    )
    assert all(a.portfolio == PORTFOLIO and a.raised_at == NOW for a in told.values())


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("venue:main", "main answers again"),
        ("hold:not_valued", "Deciding again: no longer held by what could not be valued"),
        (
            f"order:main:{BTC_PERP}",
            f"{BTC_PERP} at main: what became of every order is proven",
        ),
        (
            f"frozen:main:{BTC_PERP}",
            f"{BTC_PERP} at main is frozen no longer: every outcome is settled",
        ),
        ("wrong_reply:cp1", "The outcome of order cp1, which was answered for another, is settled"),
        (
            f"leaving:main:{BTC_PERP}",
            f"{BTC_PERP} at main: every order that was to go is gone, or is wanted again",
        ),
        (
            f"refused:{BTC_PERP}:price_collar",
            f"Orders on {BTC_PERP} are no longer refused (price collar)",
        ),
        (f"position:main:{BTC_PERP}", f"The position of {BTC_PERP} at main is explained again"),
        (
            "waits:x:convert_quote_short:ETH",
            "x: its conversion of ETH no longer waits for money in the spot wallet",
        ),
        ("key:rejected", "The key is accepted again"),
        (
            "margin:practice/USDT:near",
            "The USDT futures wallet at practice: nothing is left that could be liquidated",
        ),
        (
            f"collateral:practice/USDT/{BTC_PERP}",
            f"{BTC_PERP} at practice: no collateral is missing any more",
        ),
        (
            f"carry:floor/practice/{BTC_PERP}",
            f"floor in {BTC_PERP} at practice: its carry is within its budget again",
        ),
        (
            f"basis:practice/{BTC_PERP}",
            f"{BTC_PERP} at practice stands as near to its coin as usual again",
        ),
        ("look:broke", "Looking works again"),
        ("moon:full", "No longer so: full"),
    ],
)
def test_the_end_of_a_condition_is_told_in_words(key: str, words: str) -> None:
    speaker = announcer()
    first = speaker.conditions(make_report(), UNCHANGED, frozenset({key}))
    (told,) = first or speaker.conditions(later(60), UNCHANGED, frozenset({key}))
    assert (told.text, told.severity, told.cleared) == (words, Severity.INFO, True)
    assert told.kind == key.partition(":")[0]


def test_a_cycle_that_held_does_not_clear_what_only_a_deciding_cycle_can_see() -> None:
    people = People()
    people.hear(make_report(refused=(REFUSAL,)), UNEXPLAINED)
    people.hear(make_report(refused=(REFUSAL,)), UNEXPLAINED)
    refused = f"refused:{BTC_PERP}:max_open_orders"
    assert people.raised == {refused, POSITION}
    assert people.hear(make_report(held=(STALE,))) == ["hold:not_valued"]
    assert people.hear(later(60)) == ["-hold:not_valued", f"-{POSITION}"]
    assert people.hear(later(119)) == [], "what held said nothing of it"
    assert people.hear(later(120)) == [f"-{refused}"]


def test_a_cycle_that_held_clears_what_it_can_see() -> None:
    people = People()
    people.hear(deaf_report(), replace(UNCHANGED, orders=(make_order(state=OrderState.UNKNOWN),)))
    held = people.hear(make_report(held=(STALE,)))
    assert held == ["hold:not_valued", f"-order:{VENUE}:{BTC_PERP}", f"-venue:{VENUE}"]


@pytest.mark.parametrize(
    ("state", "filled", "why", "told"),
    [
        (OrderState.OPEN, "0", None, "it is open, 0 of it filled"),
        (OrderState.PARTIALLY_FILLED, "0.04", None, "it is open, 0.04 of it filled"),
        (OrderState.FILLED, "0.1", None, "it filled"),
        (OrderState.CANCELED, "0.04", "stopping", "it has ended (canceled), 0.04 of it filled"),
        (OrderState.REJECTED, "0", "absent", "it never reached the venue"),
        (OrderState.REJECTED, "0", None, "the venue refused it"),
    ],
)
def test_a_settled_outcome_says_of_what_order_and_what_it_was_found_to_be(
    state: OrderState, filled: str, why: str | None, told: str
) -> None:
    found = make_order(state=state, filled_qty=dec(filled), reason=why)
    key, speaker = f"order:{VENUE}:{BTC_PERP}", announcer()
    lost = replace(UNCHANGED, orders=(make_order(state=OrderState.UNKNOWN),))
    speaker.conditions(make_report(), lost, NOTHING_RAISED)
    (over,) = speaker.conditions(
        make_report(), replace(UNCHANGED, orders=(found,)), frozenset({key})
    )
    assert (over.key, over.cleared) == (key, True)
    assert over.text == (
        f"The outcome of sell 0.1 {BTC_PERP} at {VENUE} (cp-test-order) is settled: {told}"
    )


def test_a_request_that_is_lost_with_several_orders_is_one_condition_until_all_are_proven() -> None:
    """The rungs of one batch: told once with their names, and over once with what became of each."""
    lost = [
        make_order(client_order_id=f"cp{n}", state=OrderState.UNKNOWN, reason="HTTP 502")
        for n in (1, 2, 3)
    ]
    people, key = People(), f"order:{VENUE}:{BTC_PERP}"
    (told,) = announcer().conditions(make_report(results=tuple(lost)), UNCHANGED, NOTHING_RAISED)
    assert told.text == (
        f"The outcome of 3 orders on {BTC_PERP} at main is not proven: sell 0.1 BTC (cp1); sell 0.1 BTC (cp2); sell 0.1"
        " BTC (cp3). They count at full size, are looked up and never sent again, and nothing new is sent on this"
        " contract until all are proven. What is known: HTTP 502"
    )
    assert told.data == {"orders": "cp1,cp2,cp3"}
    assert people.hear(make_report(results=tuple(lost))) == [key]
    one = replace(lost[0], state=OrderState.FILLED, filled_qty=dec("0.1"))
    assert people.hear(make_report(), replace(UNCHANGED, orders=(one, *lost[1:]))) == []
    never = replace(lost[2], state=OrderState.REJECTED, reason="absent")
    seen = replace(UNCHANGED, orders=(replace(lost[1], state=OrderState.OPEN), never))
    (over,) = people.announcer.conditions(make_report(), seen, people.raised)
    assert over.text == (
        f"The outcome of 3 orders on {BTC_PERP} at main is settled: sell 0.1 BTC (cp1): it filled; sell 0.1 BTC (cp2):"
        " it is open, 0 of it filled; sell 0.1 BTC (cp3): it never reached the venue"
    )


def test_a_new_process_tells_what_its_own_look_proved() -> None:
    found = make_order(state=OrderState.FILLED, reason=FOUND)
    seen = replace(UNCHANGED, orders=(found,), changed=(found,))
    (over,) = announcer().conditions(make_report(), seen, frozenset({f"order:{VENUE}:{BTC_PERP}"}))
    assert over.text.endswith("(cp-test-order) is settled: it filled")


# --- orders that the venue does not take


def sent(*orders: Order, cancels: tuple[Cancel, ...] = ()) -> CycleReport:
    return make_report(results=orders, plan=Plan(cancel=cancels))


def rejected(why: str | None) -> Order:
    return make_order(state=OrderState.REJECTED, reason=why)


def test_a_refusal_by_the_venue_is_told_until_it_takes_an_order_again() -> None:
    people, refusal = People(), sent(rejected("-2019: Margin is insufficient."))
    key = f"rejected:{BTC_PERP}"
    assert people.hear(refusal) == [key]
    assert people.hear(refusal) == []
    assert people.hear(make_report()) == [], "nothing was sent: nothing is known"
    assert people.hear(sent(make_order(state=OrderState.UNKNOWN)))[0].startswith("order:")
    assert f"-{key}" not in people.hear(
        sent(make_order(symbol="SOL/USDT:USDT", state=OrderState.OPEN))
    )
    assert people.hear(sent(make_order(state=OrderState.OPEN))) == [f"-{key}"]


def test_a_refusal_names_the_side_and_the_venues_words() -> None:
    (told,) = announcer().conditions(
        sent(rejected("-2019: Margin is insufficient.")), UNCHANGED, NOTHING_RAISED
    )
    assert (told.kind, told.severity) == ("rejected", Severity.WARNING)
    assert told.text == (
        f"The venue does not take orders to sell {BTC_PERP}: -2019: Margin is insufficient."
    )


def test_a_refusal_that_no_second_try_can_change_is_critical_and_says_what_to_do() -> None:
    report = sent(rejected("-4400: Futures Trading Quantitative Rules violated"))
    (told,) = announcer().conditions(report, UNCHANGED, NOTHING_RAISED)
    assert (told.kind, told.severity) == ("barred", Severity.CRITICAL)
    assert "may only close until the venue lifts that" in told.text
    again = Refused(
        order=make_order(),
        guard="limits",
        reason=reason(
            "quarantined_at_once", symbol=BTC_PERP, why="-4400", advice="wait", until="12:50"
        ),
    )
    raised = frozenset({f"barred:{BTC_PERP}"})
    assert not announcer().conditions(make_report(refused=(again,)), UNCHANGED, raised)


LACKS, ENDS = "-2019: Margin is insufficient.", "-2023: User in liquidation mode now."


def test_a_critical_refusal_is_not_lost_behind_a_lesser_one_that_was_told() -> None:
    people = People()
    assert people.hear(sent(rejected(LACKS))) == [f"rejected:{BTC_PERP}"]
    assert people.hear(sent(rejected(ENDS))) == [f"barred:{BTC_PERP}"]
    assert people.hear(sent(rejected(LACKS), rejected(ENDS), rejected(LACKS))) == []
    assert people.hear(sent(make_order(state=OrderState.OPEN))) == [
        f"-barred:{BTC_PERP}",
        f"-rejected:{BTC_PERP}",
    ]


def test_a_critical_refusal_in_the_middle_of_a_request_is_told_as_such() -> None:
    people = People()
    told = people.hear(sent(rejected(LACKS), rejected(ENDS), rejected(LACKS)))
    assert told == [f"rejected:{BTC_PERP}", f"barred:{BTC_PERP}"]


@pytest.mark.parametrize(
    "why",
    [
        "-5022: Due to the order could not be executed as maker",
        "-2010: Order would immediately match and take.",
        "would_take: post only",
        "limited: asked to wait",
        "not sent: stopping",
    ],
)
def test_a_refusal_that_belongs_to_the_game_is_no_news(why: str) -> None:
    assert People().hear(sent(rejected(why))) == []


def test_a_refusal_without_words_is_told_as_well() -> None:
    assert People().hear(sent(rejected(None))) == [f"rejected:{BTC_PERP}"]


def test_a_cancelled_order_is_no_sign_that_orders_are_taken() -> None:
    people = People()
    people.hear(sent(rejected("-2019: Margin is insufficient.")))
    order = make_order(state=OrderState.CANCELED)
    assert people.hear(sent(order, cancels=(Cancel(order=order, why="patience"),))) == []


# --- refusals by a guard


def wanting(qty: str, *, minutes: int, refused: tuple[Refused, ...] = ()) -> CycleReport:
    """A look that wants another position than the one of none that is there."""
    target = Target(
        venue=VENUE, symbol=BTC_PERP, asset="BTC", qty=dec(qty), decision_id="d1", decided_at=NOW
    )
    report = make_report(plan=Plan(targets=(target,)), refused=refused)
    return replace(report, as_of=NOW + timedelta(minutes=minutes))


def test_what_is_refused_part_by_part_is_told_once() -> None:
    people, key = People(), f"refused:{BTC_PERP}:max_open_orders"
    assert people.hear(wanting("-0.5", minutes=0, refused=(REFUSAL,))) == [key]
    for minutes in range(15, 180, 15):  # what was let through rests, then the rest is refused again
        refused = (REFUSAL,) if minutes % 60 == 0 else ()
        assert people.hear(wanting("-0.5", minutes=minutes, refused=refused)) == []
    assert people.hear(wanting("0", minutes=180)) == [f"-{key}"], "it is there"


def test_what_is_refused_no_more_is_over_in_the_end_although_it_is_not_reached() -> None:
    people, key = People(), f"refused:{BTC_PERP}:max_open_orders"
    people.hear(wanting("-0.5", minutes=0, refused=(REFUSAL,)))
    told = [people.hear(wanting("-0.5", minutes=m)) for m in (10, 70, 129, 130)]
    assert told == [[], [], [], [f"-{key}"]]


def test_a_refusal_says_how_much_is_refused_in_all() -> None:
    rungs = tuple(replace(REFUSAL, order=make_order(client_order_id=c)) for c in ("cp1", "cp2"))
    (told,) = announcer().conditions(make_report(refused=rungs), UNCHANGED, NOTHING_RAISED)
    assert told.text == (
        f"Refused to sell 0.2 BTC with {BTC_PERP} in 2 orders. Of one of them: more than 50 open orders"
    )


# --- unexplained positions


def test_an_unexplained_position_is_told_on_the_second_look_only() -> None:
    people = People()
    assert people.hear(make_report(), UNEXPLAINED) == []
    assert people.hear(make_report(), UNEXPLAINED) == [POSITION]
    assert people.hear(make_report(), UNEXPLAINED) == []
    assert people.hear(make_report()) == [f"-{POSITION}"]


def test_a_fill_that_arrives_between_two_reads_is_no_news() -> None:
    people = People()
    for seen in (UNEXPLAINED, UNCHANGED, UNEXPLAINED, UNCHANGED):
        assert people.hear(make_report(), seen) == []


def test_a_restart_does_not_call_an_unexplained_position_explained() -> None:
    people = People()
    people.hear(make_report(), UNEXPLAINED)
    people.hear(make_report(), UNEXPLAINED)
    people.restart()
    assert people.hear(make_report(), UNEXPLAINED) == []
    assert people.hear(make_report(), UNEXPLAINED) == []


def test_a_cycle_that_could_not_look_does_not_make_a_known_position_new() -> None:
    people = People()
    people.hear(make_report(), UNEXPLAINED)
    people.hear(make_report(), UNEXPLAINED)
    people.hear(make_report(held=(STALE,)))
    assert people.hear(make_report(), UNEXPLAINED) == ["-hold:not_valued"]


# --- a venue that is silent

SHORT = PositionRecord(venue=VENUE, symbol=BTC_PERP, own_qty=dec("-0.5"))
SILENT = tuple(f"{what}: time-out after 20 s" for what in ("account", "prices", "open orders"))
UNREAD = reason("margin_unseen", venue=VENUE, what="its account")


def silent(
    *positions: PositionRecord,
    orders: tuple[Order, ...] = (),
    raised: frozenset[str] = NOTHING_RAISED,
) -> Alert:
    seen = with_venue(healthy_snapshot(), problems=(*SILENT, "bars of BTC: 503"))
    report = make_report(seen, positions=positions, margin=MarginVerdict(unseen={VENUE: UNREAD}))
    told = announcer().conditions(report, replace(UNCHANGED, orders=orders), raised)
    (one,) = (a for a in told if a.kind == "margin_unseen")
    return one


def test_a_cause_that_several_questions_have_in_common_is_said_once() -> None:
    assert silent(SHORT).text.startswith(
        "main does not answer: account, prices, open orders: time-out after 20 s; bars of BTC: 503. Nothing is decided"
    )


def test_margin_that_is_not_seen_is_critical_only_where_something_is_or_may_be_open() -> None:
    foreign = replace(SHORT, baseline_qty=dec("0.2"), own_qty=dec(0))
    coins = replace(SHORT, symbol="BTC/USDT")
    closed = replace(SHORT, own_qty=dec(0))
    elsewhere = replace(SHORT, venue="another")
    assert silent(SHORT).severity is silent(foreign).severity is Severity.CRITICAL
    for nothing in ((), (closed,), (coins,), (elsewhere,)):
        told = silent(*nothing)
        assert told.severity is Severity.WARNING
        assert told.text.endswith("as far as is known nothing is open there")
    resting = make_order(state=OrderState.OPEN)
    assert silent(orders=(resting,)).severity is Severity.CRITICAL
    assert silent(raised=frozenset({f"position:{VENUE}:{BTC_PERP}"})).severity is Severity.CRITICAL


# --- hedges that moved


def moved(
    seen: Reconciled, own: str, judged: Judgement | None = None, **changes: object
) -> tuple[Alert, ...]:
    snapshot, policy = healthy_snapshot(positions={"BTC": own}), make_policy()
    view = make_view(snapshot, policy)
    recorded: Recorded = make_recorded(positions=seen.positions, **changes)
    look, universe = judged or Judgement(view=view), make_universe(policy, snapshot)
    marks = snapshot.marks
    return announcer().moved(seen, recorded, look, universe, NOW, marks=marks).alerts


def filled(own: str, *fills: object, symbol: str = BTC_PERP) -> Reconciled:
    position = PositionRecord(venue=VENUE, symbol=symbol, own_qty=dec(own))
    return replace(UNCHANGED, fills=fills, positions=(position,))


def test_fills_are_told_once_per_contract_with_weights_before_and_after() -> None:
    target = Target(
        venue=VENUE, symbol=BTC_PERP, asset="BTC", qty=dec("-0.5"), decision_id="d",
        decided_at=NOW, why="hedge half of it",
    )  # fmt: skip
    seen = filled("-0.3", make_fill(qty="0.2"), make_fill(qty="0.1", trade_id="2"))
    (told,) = moved(seen, "-0.3", targets=(target,))
    assert told.kind == "hedge_opened"
    assert told.data["before_qty"] == "0"
    assert told.data["after_qty"] == "-0.3"
    assert told.data["trade_ids"] == "1,2"
    # 1 BTC of 150,000 is two thirds; 0.7 BTC is 46.67 %
    assert "effective weight 66.67 % -> 46.67 %" in told.text
    assert told.text.endswith("Why: hedge half of it")


def test_what_a_hedge_came_to_so_far_holds_what_is_open_at_its_mark() -> None:
    line = BookLine(
        strategy="half", venue=VENUE, symbol=BTC_PERP, qty=dec("-0.3"), cost=dec(-31_500),
        fees=dec("12.6"), opened_at=NOW,
    )  # fmt: skip
    seen = filled("-0.3", make_fill(qty="0.3", price=105_000))
    seen = replace(seen, booked=Booked(lines={line.key: line}))
    (told,) = moved(seen, "-0.3")
    # the mark is 100,000
    assert "So far it is up 1,487.40 USDT: open price gain 1,500.00, fees 12.60" in told.text
    assert (told.data["open_pnl"], told.data["earned"]) == ("1500", "-12.6")


def test_the_weight_before_counts_only_what_our_fills_moved() -> None:
    (told,) = moved(filled("-0.3", make_fill(Side.BUY, "0.2")), "-0.4")
    assert told.kind == "hedge_adjusted"
    assert (told.data["before_qty"], told.data["after_qty"]) == ("-0.5", "-0.3")
    assert "effective weight 26.67 % -> 40 %" in told.text


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        pytest.param("-0.3", "66.67 % -> 33.33 %", id="read before the second fill"),
        pytest.param("0", "66.67 % -> 33.33 %", id="read before both"),
        pytest.param("-0.7", "53.33 % -> 20 %", id="somebody else sold as well"),
    ],
)
def test_weights_hold_the_fills_that_the_position_does_not_show_yet(shown: str, said: str) -> None:
    late = reason(
        "position_unexplained", symbol=BTC_PERP, position=shown, expected="-0.5", asset="BTC"
    )
    seen = filled("-0.5", make_fill(qty="0.3"), make_fill(qty="0.2", trade_id="2"))
    seen = replace(seen, unexplained={(VENUE, BTC_PERP): late})
    (told,) = moved(seen, shown)
    assert f"effective weight {said}" in told.text


def test_a_position_that_no_fill_moved_is_no_news() -> None:
    assert moved(filled("-0.3"), "-0.3") == ()
    elsewhere = filled("-0.3", make_fill(symbol="SOL/USDT:USDT"))
    assert moved(elsewhere, "-0.3") == ()


def test_fills_of_a_portfolio_that_cannot_be_valued_are_told_without_weights() -> None:
    unvalued = Judgement(view=Unvalued(portfolio=PORTFOLIO, as_of=NOW, missing=("x",)))
    (told,) = moved(filled("-0.1", make_fill()), "-0.1", unvalued)
    assert "weight" not in told.text
    assert told.data["weight_after"] == "unknown"


def test_fills_of_an_asset_that_left_the_portfolio_go_by_their_symbol() -> None:
    symbol = "DOGE/USDT:USDT"
    (told,) = moved(filled("-0.1", make_fill(symbol=symbol), symbol=symbol), "0")
    assert told.data["asset"] == symbol
    assert told.data["weight_after"] == "unknown"


# --- orders that somebody else took down


def taken_down(speaker: Announcer, at: datetime) -> list[str]:
    gone = make_order(state=OrderState.CANCELED, reason=TAKEN_DOWN)
    policy, snapshot = make_policy(), healthy_snapshot()
    news = speaker.moved(
        replace(UNCHANGED, changed=(gone,)),
        make_recorded(),
        Judgement(view=make_view(snapshot, policy)),
        make_universe(policy, snapshot),
        at,
    )
    return [a.kind for a in news.alerts]


@pytest.mark.parametrize(
    ("silent_s", "told"),
    [(None, []), (60, ["taken_down"]), (79, ["taken_down"]), (80, []), (600, [])],
    ids=["first look", "in time", "just in time", "it may have run out", "it has"],
)
def test_what_the_venues_own_countdown_may_have_taken_down_is_not_said_of_others(
    silent_s: int | None, told: list[str]
) -> None:
    speaker = Announcer(make_policy(), {VENUE: timedelta(minutes=2)})
    if silent_s is not None:
        speaker.conditions(make_report(), UNCHANGED, NOTHING_RAISED)
    assert taken_down(speaker, NOW + timedelta(seconds=silent_s or 0)) == told


def test_without_a_countdown_it_is_said_at_the_first_look_too() -> None:
    assert taken_down(announcer(), NOW) == ["taken_down"]
