"""The daemon as people run it: processes, signals, kills, a locked database, a wrong key; over HTTP."""

from __future__ import annotations

import json
import signal
from decimal import Decimal
from pathlib import Path

import pytest

from tests.scenario.processes import Desk, Testnet, make_desk, wait_until

DAY_MS = 86_400_000


def run_until(testnet: Testnet, desk: Desk, until_ms: int) -> None:
    """Run the daemon until market time ``until_ms``, then stop it as an operator does."""
    daemon = desk.daemon()
    wait_until(lambda: daemon.poll() is not None or testnet.now_ms >= until_ms, "market time")
    assert daemon.poll() is None, desk.log
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(20) == 0, desk.log


def status(desk: Desk) -> dict[str, object]:
    done = desk.command("status", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    portfolio: dict[str, object] = document["portfolios"][0]
    return portfolio


# the demo in `make test` lives through nine such days
@pytest.mark.prove
def test_a_day_of_market_ends_in_shape_and_stops_cleanly(tmp_path: Path) -> None:
    with Testnet() as testnet:
        desk = make_desk(tmp_path, testnet)
        planned = desk.command("plan", "--json")
        assert planned.returncode == 0, planned.stderr
        assert json.loads(planned.stdout)["orders"]
        assert not testnet.placed(), "plan sends nothing"
        assert not (tmp_path / "run.db").exists(), "plan writes nothing"
        run_until(testnet, desk, testnet.now_ms + DAY_MS)
        placed = testnet.placed()
        assert placed
        assert len(placed) == len(set(placed))
        assert testnet.positions()["BTCUSDT"] < 0
        told = status(desk)
        assert told["open_orders"] in (0, [])
        held = json.loads(desk.command("journal", "--json").stdout)
        assert held["schema"] == 1
        assert len(testnet.placed()) == len(placed), "nothing is sent after the stop"
        open_orders = testnet.get("/_control/state")["accounts"][testnet.ready["api_key"]]
        assert open_orders["open_orders"] == [], "own working orders are taken down"


# `python -m tests.prove kill` kills it at sixty moments
@pytest.mark.prove
@pytest.mark.parametrize("kill_at", [3])
def test_killed_in_the_middle_of_a_ladder_it_ends_where_it_would_have(
    tmp_path: Path, kill_at: int
) -> None:
    ends: list[dict[str, Decimal]] = []
    for kills in (0, 1):
        with Testnet() as testnet:
            desk = make_desk(tmp_path / str(kills), testnet)
            until = testnet.now_ms + DAY_MS // 2
            if kills:
                daemon = desk.daemon()
                wait_until(lambda t=testnet: len(t.placed()) >= kill_at, "placements")
                daemon.send_signal(signal.SIGKILL)
                daemon.wait(20)
            run_until(testnet, desk, until)
            placed = testnet.placed()
            assert len(placed) == len(set(placed)), "a placement was sent twice"
            ends.append(testnet.positions())
    assert ends[0] == ends[1]


def test_a_second_daemon_on_the_same_database_is_refused(tmp_path: Path) -> None:
    with Testnet() as testnet:
        desk = make_desk(tmp_path, testnet)
        first = desk.daemon()
        wait_until(lambda: bool(testnet.placed()), "the first daemon's first order")
        second = desk.command("run")
        assert second.returncode == 3
        assert "another Counterpoise" in second.stderr
        assert str(first.pid) in second.stderr
        first.send_signal(signal.SIGTERM)
        assert first.wait(20) == 0


def test_a_wrong_key_is_told_in_words_after_at_most_three_requests(tmp_path: Path) -> None:
    with Testnet() as testnet:
        key = testnet.ready["api_key"]
        desk = make_desk(tmp_path, testnet, [(f"api_key: {key}", f"api_key: {key[::-1]}")])
        done = desk.command("run")
        assert done.returncode == 1
        assert "key" in done.stderr.lower()
        assert "Traceback" not in done.stderr
        assert key[::-1] not in done.stderr
        assert len(testnet.events("request")) <= 3
        assert not testnet.placed()


def test_live_without_consent_is_refused_before_any_request(tmp_path: Path) -> None:
    with Testnet() as testnet:
        url = testnet.ready["url"]
        desk = make_desk(
            tmp_path,
            testnet,
            [
                ("environment: local", "environment: live"),
                (f"    url: {url}\n", ""),
                ("    clock: venue\n", ""),
            ],
        )
        done = desk.command("run")
        assert done.returncode == 3
        assert "i_understand: live" in done.stderr
        assert not testnet.events()


# tests/unit/app/test_start.py has the rule itself
@pytest.mark.prove
def test_a_config_changed_under_live_hedges_waits_for_a_person(tmp_path: Path) -> None:
    with Testnet() as testnet:
        desk = make_desk(tmp_path, testnet)
        run_until(testnet, desk, testnet.now_ms + DAY_MS // 4)
        before = len(testnet.placed())
        content = desk.config.read_text(encoding="utf-8").replace("ratio: 50%", "ratio: 40%")
        desk.config.write_text(content, encoding="utf-8")
        refused = desk.command("run")
        assert refused.returncode == 3
        assert len(testnet.placed()) == before
        accepted = json.loads(desk.command("plan", "--json").stdout)["config_hash"]
        assert accepted in refused.stderr
        daemon = desk.daemon("--accept-config", accepted)
        wait_until(lambda: len(testnet.placed()) > before, "an order of the new size")
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(20) == 0


@pytest.mark.prove
def test_recorded_prices_over_http(tmp_path: Path, shared: Path) -> None:
    market = shared / "market"
    options = ["--market", str(market), "--from", "2025-03-06T10:30:00Z"]
    for kind in ("spot", "perp"):
        options += ["--series", f"{kind}:BTCUSDT={market}/crash2025apr_{kind}_BTCUSDT_5m.csv.gz"]
    with Testnet(*options) as testnet:
        desk = make_desk(tmp_path, testnet)
        run_until(testnet, desk, testnet.now_ms + DAY_MS)
        placed = testnet.placed()
        assert len(placed) == len(set(placed))
        assert testnet.positions()["BTCUSDT"] < 0
        row = json.loads(desk.command("journal", "--json").stdout)
        assert row["schema"] == 1


def test_an_operator_steers_a_running_daemon_through_its_database(tmp_path: Path) -> None:
    with Testnet() as testnet:
        desk = make_desk(tmp_path, testnet)
        daemon = desk.daemon()
        wait_until(lambda: "BTCUSDT" in testnet.positions(), "a hedge")
        asked = desk.command("flatten", "--json")
        assert asked.returncode == 0, asked.stderr
        document = json.loads(asked.stdout)
        assert document["written"]
        assert str(document["owner"]) == f"process {daemon.pid}"
        assert document["last_cycle_age_s"] is None, "market time has no age on the wall"
        wait_until(lambda: status(desk)["state"] == "CANCEL_ONLY", "closed and paused")
        assert testnet.positions() == {}
        assert status(desk)["flattening"] is False
        placed = len(testnet.placed())
        later = testnet.now_ms + DAY_MS // 12
        wait_until(lambda: testnet.now_ms >= later, "market time")
        assert len(testnet.placed()) == placed, "paused"
        again = json.loads(desk.command("pause", "--json").stdout)
        assert (again["written"], again["effect"]) == (
            False,
            "already CANCEL_ONLY: nothing changed",
        )
        refused = desk.command("halt", "--portfolio", "bok")
        assert refused.returncode == 2
        assert desk.command("resume").returncode == 0
        wait_until(lambda: status(desk)["state"] == "RUN", "running again")
        wait_until(lambda: "BTCUSDT" in testnet.positions(), "the hedge again")
        assert daemon.poll() is None, desk.log
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(20) == 0, desk.log
        placed_ids = testnet.placed()
        assert len(placed_ids) == len(set(placed_ids))
        # nobody runs: a plan shows what a waiting word would do, and writes nothing
        assert desk.command("pause").returncode == 0
        planned = json.loads(desk.command("plan", "--json").stdout)
        assert planned["state"] == "CANCEL_ONLY"
        (shown_command,) = planned["commands"]
        assert (shown_command["kind"], shown_command["state"]) == ("pause", "done")
        assert status(desk)["state"] == "RUN"
        assert [c["state"] for c in status(desk)["commands"]] == ["pending"]  # type: ignore[attr-defined]  # JSON
