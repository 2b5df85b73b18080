"""An operator's word as sentences: what was asked, what will happen, and whether anyone is there to do it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from counterpoise.cli.figures import age, moment, percent, quantity
from counterpoise.cli.output import print_json
from counterpoise.domain.numbers import dec

#: A daemon whose last cycle is older than this (seconds) is not taken for one that works.
_QUIET_S = dec(600)


def print_word(document: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what became of an operator's word."""
    if as_json:
        print_json(document)
        return
    name, effect = document["portfolio"], document["effect"]
    if not document["written"]:
        print(f"Portfolio {name}: {effect}.")
    else:
        command = document["command"]
        print(f"Portfolio {name}: {command_line(command)}")
        print(f"What will happen: {effect}.")
    print(_reader(document))


def _reader(document: Mapping[str, Any]) -> str:
    """Who will read it, as far as the database tells."""
    owner, old = document["owner"], document["last_cycle_age_s"]
    last = f"last cycle {age(old)} ago" if old is not None else None
    if owner is None:
        return (
            f"No daemon seems to be running{f' ({last})' if last else ''}: it counts from the first cycle of the next"
            " one on."
        )
    if old is not None and dec(old) > _QUIET_S:
        return (
            f"A daemon holds the database ({owner}), but its {last}: look whether it still works."
        )
    return f"The daemon ({', '.join(p for p in (owner, last) if p)}) picks it up at its next cycle."


def command_line(command: Mapping[str, Any]) -> str:
    """Return one command in words."""
    about = command["args"].get("strategy") or command["args"].get("approval")
    what = f"{command['kind']} {about}" if about else command["kind"]
    due = f", at {moment(command['at'])}" if command["at"] is not None else ""
    return f"{what}{due}, asked by {command['who']} ({command['origin']}) as {command['id']}"


def print_operator(document: Mapping[str, Any]) -> None:
    """Print what people said that is not over, of ``status`` and ``plan``; nothing when there is nothing.

    A word that ``plan`` shows as done would be heeded by the cycle it speaks of.
    """
    if document.get("flattening"):
        print("Own futures are being closed; then CANCEL_ONLY.")
    override = document.get("override")
    if override is not None:
        weights = ", ".join(f"{s} {percent(w)}" for s, w in override["weights"].items())
        print(f"Sleeve weights until {moment(override['until'])}: {weights}")
    _print_commands(document.get("commands", ()))
    for request in document.get("approvals", ()):
        wish = f"{quantity(request['wanted'])} {request['asset']}"
        limit = f"is held to {quantity(request['cap'])}"
        print(
            f"Request {request['id']}: {request['strategy']} wants {wish} in futures and {limit}: {_asked(request)}"
        )


def _asked(request: Mapping[str, Any]) -> str:
    if request["state"] != "waiting":
        return f"{request['state']}; counterpoise strategy start {request['strategy']} lifts that"
    until = moment(request["deadline_at"])
    return f"{request['why']}; counterpoise approve|deny {request['id']}, by {until}"


def _print_commands(commands: Iterable[Mapping[str, Any]]) -> None:
    for command in commands:
        if command["state"] == "pending":
            print(f"Waiting: {command_line(command)}")
        else:
            print(
                f"Would be heeded: {command_line(command)}: {command['state']}: {command['answer']}"
            )
