"""A cycle in words: per strategy what it decided and why, what it waits for, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from counterpoise.cli.figures import count, moment, money, quantity
from counterpoise.cli.standing_words import standing_lines

_STEP = "  "


def print_explanation(cycle: Mapping[str, Any]) -> None:
    """Print one journaled cycle (a row of ``explain --json``) for people."""
    print(
        f"Cycle {cycle['cycle_id']} of {moment(cycle['at'])}: {cycle['summary']}\n"
        f"{_STEP}equity {money(cycle.get('equity'))}, trading state {cycle.get('state')}"
    )
    for line in standing_lines(cycle):
        print(f"{_STEP}{line}")
    for held in cycle.get("held", ()):
        print(f"{_STEP}Nothing was decided: {held['text']}")
    print_strategies(cycle.get("decisions", ()))
    for line in _outcome(cycle):
        print(f"{_STEP}{line}")


def print_strategies(decisions: Sequence[Mapping[str, Any]]) -> None:
    """Print what every strategy wants, why, and what would have to change."""
    names = dict.fromkeys(d["strategy"] for d in decisions)
    for name in names:
        mine = [d for d in decisions if d["strategy"] == name]
        print(f"{name} ({mine[0].get('kind', 'strategy')})")
        said: set[str] = set()
        for decision in mine:
            for line in _decision(decision):
                # a sleeve's reason is the same for each of its assets: told once
                if line not in said:
                    print(f"{_STEP}{line}")
                said.add(line)


def _decision(decision: Mapping[str, Any]) -> Iterator[str]:
    asset, qty = decision["overlay"]["asset"], decision["overlay"]["qty"]
    yield decision["text"]
    before = decision.get("previous", qty)
    if decision.get("changed"):
        yield f"{asset}: wanted {quantity(before)} in futures before, wants {quantity(qty)} now"
    else:
        yield f"{asset}: wants {quantity(qty)} in futures, as before"
    given = decision.get("given", qty)
    if given != qty:
        yield f"{asset}: {quantity(given)} of it is granted"
    for cut in decision.get("cut_by", ()):
        yield f"but {cut}"
    if decision.get("coins") is not None:
        yield f"{asset}: shall have traded {quantity(decision['coins'])} in coins in all"
    for waits in decision.get("waits_for", ()):
        yield f"next: {waits['text']}"


def split_paused(
    refused: Sequence[Mapping[str, Any]],
) -> tuple[Sequence[Mapping[str, Any]], int]:
    """Return the refusals that say something, and how many only follow from the trading state."""
    rest = [r for r in refused if r.get("reason") != "trading_state"]
    return rest, len(refused) - len(rest)


def unsent_words(state: object, orders: int) -> str:
    """Return what a trading state is called that keeps ``orders`` from being sent."""
    if state == "HALT":
        return f"halted (HALT): nothing is sent; {count(orders, 'order')} would be without it"
    return f"paused ({state}): would send {count(orders, 'order')}"


def _unsaid(row: Mapping[str, Any], cycle: Mapping[str, Any]) -> str:
    """Why coins are traded, where no strategy has said so."""
    why = row.get("why")
    said = {d["text"] for d in cycle.get("decisions", ())}
    return f": {why}" if why and why not in said else ""


def _unproven(row: Mapping[str, Any], at: object) -> Iterator[str]:
    """Which order it is, since when, and what would end it when."""
    why = f" ({row['why']})" if row.get("why") else ""
    yield (
        f"unproven: {row['side']} {quantity(row['qty'])} {row['instrument']} at {row['venue']}, {row['id']}, since"
        f" {moment(row['since'])}{why}"
    )
    over = str(row["absent_from"]) <= str(at)
    earliest = "" if over else f" {moment(row['absent_from'])} at the earliest:"
    yield (
        f"{_STEP}it counts at full size until the venue shows it, or{' until' if not over else ' until, any time now,'}"
        f"{earliest} three look-ups that do not find it, and a position as it is without it, prove that it never"
        " arrived"
    )
    called = "was called" if str(row["called_at"]) <= str(at) else "is called"
    yield f"{_STEP}a person {called} at {moment(row['called_at'])} to look for it"


def _outcome(cycle: Mapping[str, Any]) -> Iterator[str]:
    """What became of the wishes: positions, coins, orders, refusals, waits."""
    for target in cycle.get("targets", ()):
        if target["position"] != target["target"]:
            yield (
                f"{target['symbol']}: position {quantity(target['position'])} on its way to"
                f" {quantity(target['target'])}"
            )
    for coins in cycle.get("coins", ()):
        yield (
            f"{coins['symbol']}: {quantity(coins['traded'])} traded in coins so far, on the way to"
            f" {quantity(coins['target'])}{_unsaid(coins, cycle)}"
        )
    for key, what in (("orders", "order"), ("cancels", "cancel"), ("fills", "fill")):
        if cycle.get(key):
            yield f"{count(len(cycle[key]), what)} in this cycle"
    refused, paused = split_paused(cycle.get("refused", ()))
    if paused:
        yield unsent_words(cycle.get("state"), paused)
    for refusal in refused:
        yield f"refused by {refusal['guard']}: {refusal['text']}"
    for row in cycle.get("unproven", ()):
        yield from _unproven(row, cycle["at"])
    for hold in cycle.get("holds", ()):
        yield f"waiting on {hold['symbol']}: {hold['text']}"
    for note in cycle.get("notes", ()):
        yield f"note: {note}"
    for problem in cycle.get("problems", ()):
        yield f"problem: {problem}"
