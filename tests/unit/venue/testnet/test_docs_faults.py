"""docs/faults.md lists the faults there are, with their arguments, and its commands work."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from counterpoise.venue.testnet.faults.kinds import KINDS
from counterpoise.venue.testnet.http import Delivery, Request
from tests.unit.venue.testnet.small import Caller

ROW = re.compile(r"^\| `(?P<kind>[a-z_]+)` \| (?P<args>[^|]*)\|", re.MULTILINE)
CURL = re.compile(
    r"^curl (?:-X (?P<method>\w+) )?(?:-d '(?P<body>[^']+)' )?localhost:9000(?P<path>\S+)",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def page(repo: Path) -> str:
    return (repo / "docs" / "faults.md").read_text()


def test_every_kind_is_listed_with_its_arguments(page: str) -> None:
    tables = page[page.index("## Replies") : page.index("## In the same process")]
    listed = {row["kind"]: set(re.findall(r"`([a-z_]+)`", row["args"])) for row in ROW.finditer(tables)}  # fmt: skip
    listed["client_ids"] -= {"open", "ever"}
    assert listed == {name: set(kind.args) for name, kind in KINDS.items()}


def test_the_commands_arm_list_and_remove(page: str, caller: Caller) -> None:
    answers: list[Any] = []
    for command in CURL.finditer(page):
        method = command["method"] or ("POST" if command["body"] else "GET")
        reply = caller.handler.handle(
            Request(method=method, path=command["path"], body=command["body"] or "")
        )
        assert reply.status == 200, (command[0], reply.body)
        answers.append(json.loads(reply.body))
        if method == "POST":
            order = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.1"}
            assert caller.raw("POST", "/fapi/v1/order", **order).delivery is Delivery.NEVER
    armed, listed, removed = answers
    assert armed == {"id": "1"}
    assert removed == {"id": "1", "matched": 1, "struck": 1}
    told = page[page.index('{"faults": [{') :]
    fields = re.findall(r'"([a-z]+)"', told[: told.index("}]}")])[1:]
    assert fields == [*listed["faults"][0]]
