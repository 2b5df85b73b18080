"""A plan as tables and sentences: where the portfolio is, what would be done, and what would not and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from counterpoise.cli.explain_view import split_paused, unsent_words
from counterpoise.cli.figures import count, money, percent, points, quantity
from counterpoise.cli.guard_rows import print_guards
from counterpoise.cli.margin_rows import print_margin, print_margin_after
from counterpoise.cli.output import print_table, say
from counterpoise.cli.standing_words import standing_lines
from counterpoise.cli.word_view import print_operator
from counterpoise.domain.order import OrderState


def print_plan(document: Mapping[str, Any], config: object = "counterpoise.yaml") -> None:
    """Print the document of ``plan --json`` for people; ``config`` is the file as it was named."""
    name, quote = document["portfolio"], _quote(document)
    say(
        f"Portfolio {name} at {document['as_of']}: equity {money(document['equity'], quote)},"
        f" state {document['state']}"
    )
    for line in standing_lines(document):
        print(line)
    print_operator(document)
    print_weights(document["weights"])
    print_margin(document.get("margin", {}), document["state"])
    print_guards(document)
    _print_decisions(document["decisions"])
    _print_targets(document.get("targets", ()))
    _print_coins(document.get("coins", ()))
    _print_orders(document["orders"], quote)
    _print_ladder(document.get("ladder", {}) if document["orders"] else {})
    print_margin_after(document.get("margin_after", ()))
    _print_cancels(document)
    refused, paused = split_paused(document["refused"])
    if paused:
        say(f"Trading is {unsent_words(document['state'], paused)}.")
    for transfer in document.get("transfers", ()):
        amount = f"{quantity(transfer['qty'])} {transfer['asset']}"
        way = f"from {transfer['from']} to {transfer['to']} at {transfer['venue']}"
        say(f"Collateral: {amount} {way}: {transfer['why']}")
    for refusal in refused:
        say(f"Refused by {refusal['guard']}: {_order_line(refusal['order'])}: {refusal['text']}")
    for hold in document["holds"]:
        say(f"Waiting on {hold['symbol']}: {hold['text']}")
    for held in document["held"]:
        say(f"No decision: {held['text']}")
    for line in document.get("keys", ()):
        say(f"Warning: {line}")
    for note in document["notes"]:
        say(f"Note: {note}")
    for problem in document["problems"]:
        say(f"Problem: {problem}")
    if document.get("start_refused"):
        say(f"A start on this config would be refused: {document['start_refused']}")
    elif document.get("config_changed"):
        accept = f"counterpoise run -c {config} --accept-config {document['config_hash']}"
        say(f"This config differs from the one last run; if hedges are on, start with: {accept}")


def print_weights(weights: Mapping[str, Mapping[str, Any]]) -> None:
    """Print weights spot / effective / target as a table."""
    if not weights:
        return
    rows = [
        (
            asset,
            percent(row["spot"]),
            percent(row["effective"]),
            percent(row["target"]),
            points(row["band"]),
        )
        for asset, row in weights.items()
    ]
    print_table("Weights", ("asset", ">spot", ">effective", ">target", ">band"), rows)


def _print_decisions(decisions: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (
            d["strategy"],
            d["overlay"]["asset"],
            quantity(d["previous"]),
            quantity(d["overlay"]["qty"]),
            "; but ".join((d["text"], *d.get("cut_by", ()))),
        )
        for d in decisions
    ]
    if rows:
        columns = ("strategy", "asset", ">wanted before", ">wants now", "why")
        print_table("Decisions", columns, rows)
    for line in dict.fromkeys(
        f"{d['strategy']}, next: {w['text']}" for d in decisions for w in d.get("waits_for", ())
    ):
        print(line)


def _print_targets(targets: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (t["venue"], t["symbol"], quantity(t["position"]), quantity(t["target"])) for t in targets
    ]
    if rows:
        columns = ("venue", "instrument", ">position now", ">position wanted")
        print_table("Positions", columns, rows)


def _print_coins(coins: Sequence[Mapping[str, Any]]) -> None:
    for row in coins:
        say(
            f"Coins in {row['symbol']}: {quantity(row['traded'])} traded so far,"
            f" {quantity(row['target'])} wanted in all"
        )


def _print_orders(orders: Sequence[Mapping[str, Any]], quote: str) -> None:
    if not orders:
        print("No order would be sent.")
        return
    rows = [
        (
            order["venue"],
            order["instrument"],
            order["side"],
            quantity(order["qty"]),
            quantity(order["price"]) if order["price"] is not None else "market",
            money(order["notional"], quote),
            _words(order),
        )
        for order in orders
    ]
    columns = ("venue", "instrument", "side", ">quantity", ">price", ">value", "how")
    print_table("Orders that would be sent", columns, rows)


def _print_ladder(ladder: Mapping[str, Any]) -> None:
    """What follows these orders, where they are not all."""
    if ladder.get("kind") == "timed":
        say(
            f"Timed ladder: these are the parts of now; {ladder['rungs']} in all, one each"
            f" {ladder['every_s']:g} s. What a part leaves crosses as the next one begins."
        )
    elif ladder.get("kind") == "chase":
        say(
            "Chasing ladder: the order follows the best price, anew each"
            f" {ladder['every_s']:g} s at most; what is missing after {ladder['patience_s']:g} s crosses."
        )


def _print_cancels(document: Mapping[str, Any]) -> None:
    for cancel in document["cancels"]:
        say(f"Would cancel: {_order_line(cancel)}: {cancel['why']}")
    unproven = sum(is_unproven(order) for order in document["keeps"])
    working = len(document["keeps"]) - unproven
    if working:
        say(f"{count(working, 'working order')} would stay as {_it(working, 'it is', 'they are')}.")
    if unproven:
        full = _it(unproven, "it counts", "each counts")
        say(
            f"{count(unproven, 'order')} without a proven outcome would be looked up; {full} in full."
        )


def is_unproven(order: Mapping[str, Any]) -> bool:
    """Return whether nobody knows if the venue has ``order``; a row without ``state`` is taken for working."""
    state = order.get("state")
    return state is not None and OrderState(state).is_unproven


def _it(number: int, one: str, many: str) -> str:
    return one if number == 1 else many


def _order_line(order: Mapping[str, Any]) -> str:
    at = f" at {quantity(order['price'])}" if order["price"] is not None else " at market"
    return f"{order['side']} {quantity(order['qty'])} {order['instrument']}{at} on {order['venue']}"


def _words(order: Mapping[str, Any]) -> str:
    words = [order["type"]]
    if order["post_only"]:
        words.append("post-only")
    if order["reduce_only"]:
        words.append("reduce-only")
    return ", ".join(words)


def _quote(document: Mapping[str, Any]) -> str:
    """The quote is the last row of the weights; none when nothing could be valued."""
    return next(reversed(document["weights"]), "")
