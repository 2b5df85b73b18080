"""What guards of hedges found, for people: only where there is something to say, and narrow enough for 60 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from counterpoise.cli.figures import UNKNOWN, moment, money, percent, quantity
from counterpoise.cli.output import print_table
from counterpoise.domain.numbers import dec, quantize, text
from counterpoise.domain.reasons import shown_percent

_TENTH = dec("0.1")
_HUNDREDTH = dec("0.01")


def print_guards(document: Mapping[str, Any]) -> None:
    """Print what the guards of funding, drawdown, basis and cross hedges say in a document of ``plan`` or ``status``.

    A row of an older version may lack what is not shown then.
    """
    _print_carry(document.get("carry") or ())
    _print_drawdown(document.get("drawdown"))
    _print_basis([row for row in document.get("basis") or () if row["since"] is not None])
    _print_cross(document.get("cross") or ())


def _print_carry(rows: Sequence[Mapping[str, Any]]) -> None:
    """What every hedge costs, against its budget."""
    if not rows:
        return
    names = _names(rows)
    cells = [
        (
            # one cell, so that it breaks between the two where there is little room
            f"{row['strategy']} {name}",
            percent(row["expected"]),
            percent(row["realised"]),
            percent(row.get("max_carry")),
            _fine(row["cost"]),
            _fine(row.get("max_cost")),
        )
        for row, name in zip(rows, names, strict=True)
    ]
    columns = ("hedge", ">now", ">so far", ">budget", ">in all", ">limit")
    print_table("Carry a year, and in all (paid above 0, received below)", columns, cells)
    for row, name in zip(rows, names, strict=True):
        if row["why"] is not None:
            print(f"{row['strategy']} in {name}: {row['why']}{_then(row)}")


def _then(row: Mapping[str, Any]) -> str:
    """What comes of being beyond the budget."""
    if not row["spent"]:
        since = row["over_since"]
        return f" (since {moment(since)})" if since is not None else ""
    return {"reduce": ": halved", "close": ": closed"}.get(row["then"], "")


def _print_drawdown(row: Mapping[str, Any] | None) -> None:
    """How much was lost since the high, where anything was, and which tier comes next."""
    if row is None or (row["tier"] == "none" and row["depth"] in {None, "0"}):
        return
    following = row.get("next")
    cells = (
        _words(row["tier"]),
        money(row["high"]),
        money(row.get("loss")),
        percent(row["depth"]),
        f"{_words(following['tier'])} at {percent(following['at'])}" if following else UNKNOWN,
    )
    print_table("Drawdown", ("tier", ">high", ">lost", ">part", "next"), [cells])


def _print_basis(rows: Sequence[Mapping[str, Any]]) -> None:
    """Contracts that stand absurdly far from their coins."""
    if not rows:
        return
    cells = [
        (
            name,
            percent(row["basis"]),
            _tenths(row["zscore"]),
            moment(row["since"], short=True),
            moment(row["until"], short=True),
        )
        for row, name in zip(rows, _names(rows), strict=True)
    ]
    columns = ("contract", ">basis", ">deviations", ">since (UTC)", ">until (UTC)")
    print_table("Far from their coins", columns, cells)
    for why in dict.fromkeys(row["why"] for row in rows if row["why"] is not None):
        print(why)


def _print_cross(rows: Sequence[Mapping[str, Any]]) -> None:
    """What cross hedges are sized by and rest on."""
    if not rows:
        return
    cells = [
        (
            f"{row['strategy']} {row['asset']} by {row['by']}",
            quantity(row["held"]),
            _beta(row),
            percent(row["correlation"]),
            percent(row["residual"]),
        )
        for row in rows
    ]
    columns = ("hedge", ">held", ">beta", ">correlation", ">left a year")
    print_table("Cross hedges", columns, cells)
    for row in rows:
        if row["why"] is not None:
            kept = {"0.5": ": half of it stands", "0": ": none of it stands"}.get(row["share"], "")
            print(f"{row['strategy']}: {row['why']}{kept}")


def _beta(row: Mapping[str, Any]) -> str:
    """By how much it is sized, with the standard error of what was measured."""
    if row["beta"] is None:
        return UNKNOWN
    return " ± ".join(text(quantize(dec(row[k]), _HUNDREDTH)) for k in ("beta", "error"))


def _words(tier: str) -> str:
    return tier.replace("_", " ")


def _fine(fraction: str | None) -> str:
    """A cost in all: budgets of it are below 1 %."""
    return shown_percent(dec(fraction)) if fraction is not None else UNKNOWN


def _tenths(zscore: str | None) -> str:
    return text(quantize(dec(zscore), _TENTH)) if zscore is not None else UNKNOWN


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The contracts; with their venues where there are several."""
    several = len({row["venue"] for row in rows}) > 1
    return [f"{row['symbol']} at {row['venue']}" if several else row["symbol"] for row in rows]
