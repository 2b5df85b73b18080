"""Margin for people: how far liquidation is, where it lies, and what moves would leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from counterpoise.cli.figures import UNKNOWN, money, percent, quantity
from counterpoise.cli.output import print_table

#: Columns the stress view needs with amounts of eight digits.
_WIDTH = 180
_STEPS = {
    "safe": "",
    "warn": "near",
    "top_up": "collateral is moved in",
    "stop_adding": "nothing is added",
    "reduce": "being reduced",
    "flatten": "being closed",
}


def print_margin(margin: Mapping[str, Mapping[str, Any]]) -> None:
    """Print every pool that has a position, and the stress view of all assets together."""
    for venue, row in margin.items():
        if row.get("unseen"):
            print(f"Margin at {venue}: {row['unseen']}")
    pools = [(venue, pool) for venue, row in margin.items() for pool in row.get("pools", ())]
    if not pools:
        return
    columns = (
        "collateral",
        ">balance",
        ">maintenance",
        ">ratio",
        ">up to liquidation",
        ">down",
        ">can be added",
        "now",
    )
    # a figure that is cut is worse than a line that is wrapped
    print_table("Margin", columns, [_pool(venue, pool) for venue, pool in pools], at_least=_WIDTH)
    for _, pool in pools:
        for symbol, price in pool["liquidation"].items():
            if price is not None:
                print(f"{symbol} would be liquidated at {quantity(price)}, all else standing still")
        if pool["missing"] != "0":
            print(f"{money(pool['missing'], pool['asset'])} are missing and out of reach")
    for venue, row in margin.items():
        _print_stress(venue, row.get("stress", ()))


def _pool(venue: str, pool: Mapping[str, Any]) -> tuple[str, ...]:
    name = pool["isolated"] or pool["asset"]
    return (
        f"{name} at {venue}",
        money(pool["balance"]),
        money(pool["maintenance"]),
        percent(pool["ratio"]),
        percent(pool["up"]),
        percent(pool["down"]),
        money(pool["reachable"]),
        _STEPS.get(pool["step"], pool["step"]),
    )


def _print_stress(venue: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """One line per pool and asset: what is left above maintenance after each move."""
    moves = list(dict.fromkeys(row["move"] for row in rows))
    table: dict[tuple[str, str], dict[str, str]] = {}
    whole: dict[str, str] = {}
    for row in rows:
        name = row["isolated"] or row["collateral"]
        cells = table.setdefault((name, row["asset"] or "all together"), {})
        if row["asset"] is None and row.get("equity") is not None:
            whole[row["move"]] = money(row["equity"])
        lost = row["left"].startswith("-")
        cells[row["move"]] = "liquidated" if lost else money(row["left"])
    if whole:
        table["equity", "all, coins included"] = whole
    if table:
        columns = ("collateral", "moves", *(f">{_signed(move)}" for move in moves))
        lines = [
            (name, what, *(cells.get(move, UNKNOWN) for move in moves))
            for (name, what), cells in table.items()
        ]
        title = f"What would be left above maintenance at {venue}"
        print_table(title, columns, lines, at_least=_WIDTH)


def _signed(move: str) -> str:
    shown = percent(move).replace(".0 %", " %")
    return shown if shown.startswith("-") else f"+{shown}"
