"""Margin for people: how far liquidation is, where it lies, and what moves would leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from counterpoise.cli.figures import UNKNOWN, money, percent, quantity
from counterpoise.cli.output import print_table, say

_STEPS = {
    "safe": "",
    "warn": "warn: you are told",
    "top_up": "top_up: collateral is moved in",
    "stop_adding": "stop_adding: nothing is added",
    "reduce": "reduce: being reduced",
    "flatten": "flatten: being closed",
}
#: The same in HALT, where nothing is done.
_HALTED = {
    "top_up": "top_up: would be topped up, but HALT",
    "stop_adding": "stop_adding: nothing is sent (HALT)",
    "reduce": "reduce: would be reduced, but HALT",
    "flatten": "flatten: would be closed, but HALT",
}
_LEGEND = (
    "Up and down: how far all prices together may rise or fall before liquidation; reachable: what can still be"
    " moved in; balance: the wallet with open profit and loss; ratio: maintenance / balance, liquidated at 100 %."
)
_GONE = (
    "Where a move liquidates a collateral, its balance is lost and its hedges are gone:"
    " the coins then stand unhedged."
)


def print_margin(margin: Mapping[str, Mapping[str, Any]], state: object = None) -> None:
    """Print every pool that has a position, and the stress view of all assets together."""
    for venue, row in margin.items():
        if row.get("unseen"):
            say(f"Margin at {venue}: {row['unseen']}")
    pools = [(venue, pool) for venue, row in margin.items() for pool in row.get("pools", ())]
    if not pools:
        return
    columns = (
        "collateral",
        ">balance",
        ">maintenance",
        ">ratio",
        ">up",
        ">down",
        ">reachable",
        "step",
    )
    print_table("Margin", columns, [_pool(venue, pool, state) for venue, pool in pools])
    say(_LEGEND)
    for _, pool in pools:
        for symbol, price in pool["liquidation"].items():
            if price is not None:
                say(f"{symbol} would be liquidated at {quantity(price)}, all else standing still")
        _say_missing(pool)
    for venue, row in margin.items():
        _print_stress(venue, row.get("stress", ()))


def print_margin_after(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print how the collateral would stand once the orders of a plan are filled, and what would be moved then."""
    for row in rows:
        name = f"{row['asset']} at {row['venue']}"
        if row["distance"] is None:
            say(f"After these orders nothing could liquidate {name}.")
            continue
        said = f"After these orders, filled at the mark: {name} would be {percent(row['distance'])} from liquidation"
        if row["moved"] is not None:
            said += (
                f"; then {money(row['moved'], row['asset'])} would be moved in from the spot wallet, giving"
                f" {percent(row['then'])}"
            )
        elif row["step"] in {"stop_adding", "reduce", "flatten"}:
            said += f" ({_STEPS[row['step']]})"
        say(said)
        _say_missing(row)


def _say_missing(pool: Mapping[str, Any]) -> None:
    """What lacks, and for which distance."""
    if pool["missing"] != "0":
        far = f" for a distance of {percent(pool['wanted'])}" if pool.get("wanted") else ""
        say(f"{money(pool['missing'], pool['asset'])} are missing{far} and out of reach")


def _pool(venue: str, pool: Mapping[str, Any], state: object) -> tuple[str, ...]:
    name = pool["isolated"] or pool["asset"]
    return (
        f"{name} at {venue}",
        money(pool["balance"]),
        money(pool["maintenance"]),
        percent(pool["ratio"]),
        percent(pool["up"]),
        percent(pool["down"]),
        money(pool["reachable"]),
        _step(pool, state),
    )


def _step(pool: Mapping[str, Any], state: object) -> str:
    """The step taken and what is done in it."""
    step: str = pool["step"]
    if state == "HALT" and step in _HALTED:
        return _HALTED[step]
    if step == "top_up" and pool["reachable"] == "0":
        return "top_up: no more can be moved in"
    return _STEPS.get(step, step)


def _print_stress(venue: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """One line per move: what is left above maintenance in each pool, and what the whole portfolio is worth."""
    table: dict[str, dict[str, str]] = {}
    columns: list[str] = []
    whole: dict[str, str] = {}
    for row in rows:
        name, asset = row["isolated"] or row["collateral"], row["asset"]
        column = name if asset is None else f"{name}, {asset} alone"
        if column not in columns:
            columns.append(column)
        if asset is None and row.get("equity") is not None:
            whole[row["move"]] = money(row["equity"])
        cells = table.setdefault(row["move"], {})
        cells[column] = "liquidated" if _lost(row) else money(row["left"])
    if not table:
        return
    lines = [
        (
            _signed(move),
            *(cells.get(column, UNKNOWN) for column in columns),
            *((whole.get(move, UNKNOWN),) if whole else ()),
        )
        for move, cells in table.items()
    ]
    names = ["!move", *(f">{column}" for column in columns)]
    if whole:
        names.append(">equity, coins included")
    print_table(f"What would be left above maintenance at {venue}", names, lines)
    if any(map(_lost, rows)):
        say(_GONE)


def _lost(row: Mapping[str, Any]) -> bool:
    """A row of an older version says it by its sign alone."""
    lost = row.get("liquidated")
    return bool(lost) if lost is not None else row["left"].startswith("-")


def _signed(move: str) -> str:
    shown = percent(move).replace(".0 %", " %")
    return shown if shown.startswith("-") else f"+{shown}"
