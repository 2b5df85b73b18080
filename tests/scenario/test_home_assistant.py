"""Home Assistant itself, in an environment of its own: its schema takes our messages, and its core shows a portfolio.

The newest release that runs on this Python is installed from the package index, once.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from counterpoise.app.clock import WallClock
from counterpoise.app.outlets import state_document
from counterpoise.domain.records import PositionRecord
from counterpoise.notify.home_assistant import discovery
from counterpoise.notify.mqtt import MqttSink
from tests.broker import PASSWORD, USER, Broker, wait_until
from tests.build import BTC_PERP, PORTFOLIO, VENUE, make_policy
from tests.conftest import REPO
from tests.unit.app.reports import healthy_snapshot, make_report

CHECK = Path(__file__).with_name("home_assistant_check.py")
PLACE = REPO / ".tools" / f"home-assistant-{sys.version_info.major}.{sys.version_info.minor}"
POLICY = make_policy()
CARDS = discovery(POLICY, prefix="cp", topics="homeassistant", version="1.2.3")
#: What the components that are imported need beside the core, by their manifests.
COMPONENTS = ("mqtt", "file_upload", "http")

pytestmark = pytest.mark.prove


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of an environment with Home Assistant."""
    uv = REPO / ".tools" / "bin" / "uv"
    if not uv.exists():
        pytest.skip("needs .tools/bin/uv: run make .venv")
    made, done = PLACE / "bin" / "python", PLACE / "complete"
    with PLACE.with_suffix(".lock").open("w") as lock:
        # another worker may be making it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            install = [str(uv), "pip", "install", "--quiet", "--python", str(made)]
            _run(str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(PLACE))
            _run(*install, "homeassistant")
            _run(*install, *_required())
            done.touch()
    return made


def _run(*command: str) -> None:
    env = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        pytest.skip(f"needs homeassistant from the package index: {done.stderr.strip()[-300:]}")


def _required() -> list[str]:
    (components,) = PLACE.glob("lib/python*/site-packages/homeassistant/components")
    manifests = [json.loads((components / c / "manifest.json").read_text()) for c in COMPONENTS]
    return [required for m in manifests for required in m.get("requirements", ())]


class Core:
    """Home Assistant in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.said: list[dict[str, Any]] = []
        self._process = process
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(json.loads(line))

    @property
    def verdict(self) -> dict[str, Any]:
        """What its schema says."""
        wait_until(lambda: self.said or self._process.poll() is not None, "the schema's word")
        assert self.said, "Home Assistant did not start"
        return self.said[0]

    @property
    def states(self) -> dict[str, dict[str, Any]]:
        """What its entities show now."""
        return self.said[-1] if len(self.said) > 1 else {}

    def shows(self, entity: str) -> str | None:
        found = self.states.get(entity)
        return found["state"] if found else None


@contextmanager
def home_assistant(
    python: Path, log: Path, cards: Any, broker: Broker | None = None
) -> Iterator[Core]:
    asked = {"cards": cards, "port": broker.plain_port if broker else 1}
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    with log.open("w") as errors:
        process = subprocess.Popen(
            [python, CHECK],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=env,
            cwd=log.parent,
        )
    assert process.stdin is not None
    process.stdin.write(json.dumps({**asked, "user": USER, "password": PASSWORD}) + "\n")
    process.stdin.close()
    core = Core(process)
    try:
        yield core
    finally:
        process.kill()
        process.wait()
        core._thread.join()
        assert process.stdout is not None
        process.stdout.close()


async def test_a_portfolio_appears_by_itself_and_goes_when_looks_end(
    python: Path, tmp_path: Path
) -> None:
    hedges = (("half", "BTC", Decimal("-0.5")), ("d'ift", "BTC", Decimal("0.1")))
    held = PositionRecord(venue=VENUE, symbol=BTC_PERP, own_qty=Decimal("-0.3"))
    seen = healthy_snapshot(positions={BTC_PERP: "-0.3"})
    state = state_document(make_report(seen, remembered=hedges, positions=(held,)), POLICY)
    with (
        Broker(tmp_path / "broker") as broker,
        home_assistant(python, tmp_path / "log", dict(CARDS), broker) as core,
    ):
        assert core.verdict["problems"] == []
        sink = MqttSink(
            broker.access(),
            WallClock(),
            patience={PORTFOLIO: timedelta(minutes=1)},
            announced=CARDS,
        )
        sink.start()
        sink.looked(PORTFOLIO, state)
        name = "sensor.counterpoise_treasury"
        try:
            await asyncio.to_thread(
                wait_until,
                lambda: (
                    core.shows(f"{name}_trading_state") == "RUN" and len(core.states) >= len(CARDS)
                ),
                "it appears",
            )
        finally:
            shown = core.states
            await sink.close()
        await asyncio.to_thread(
            wait_until, lambda: core.shows(f"{name}_equity") == "unavailable", "it goes"
        )
        assert core.shows("binary_sensor.counterpoise_treasury_running") == "off"
    assert shown["binary_sensor.counterpoise_treasury_running"]["state"] == "on"
    equity = shown[f"{name}_equity"]
    assert (equity["state"], equity["unit"]) == ("150000", "USDT")
    weight = shown[f"{name}_weight_btc"]
    assert (weight["state"], weight["unit"]) == ("46.6667", "%")
    assert shown[f"{name}_margin_ratio"]["state"] == "unknown", "null is unknown, never zero"
    assert shown[f"{name}_hedges"]["state"] == "1"
    assert [h["strategy"] for h in shown[f"{name}_hedges"]["hedges"]] == ["half", "d'ift"]
    assert shown[f"{name}_hedge_btc"]["state"] == "-0.3"
    assert shown[f"{name}_hedge_wanted_btc"]["state"] == "-0.4"
    assert shown[f"{name}_hedge_sol"]["state"] == "0"
    assert shown[f"{name}_trading_state"]["summary"] == "nothing to do"
    assert shown[f"{name}_last_look"]["state"] == "2025-06-02T12:00:00+00:00"


def test_a_message_that_is_wrong_is_found_out(python: Path, tmp_path: Path) -> None:
    topic = "homeassistant/sensor/cp_treasury/equity/config"
    wrong = {
        topic: {**CARDS[topic], "state_class": "measured"},
        topic.replace("/equity/", "/a/"): {**CARDS[topic], "valuetemplate": "x"},
        topic.replace("/equity/", "/b.c/"): dict(CARDS[topic]),
    }
    with home_assistant(python, tmp_path / "log", wrong) as core:
        first, second, third = core.verdict["problems"]
    assert "state_class" in first
    assert second.endswith("not known: valuetemplate")
    assert third.endswith("no topic of discovery")
