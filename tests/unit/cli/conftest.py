from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from counterpoise.cli.main import main
from counterpoise.domain.events import Severity, alert
from counterpoise.domain.order import OrderState
from counterpoise.domain.records import Changes, JournalRow, PortfolioRecord, TradingState
from counterpoise.record.sql import connect
from counterpoise.record.sql.migrate import upgrade
from tests.build import make_order
from tests.unit.config.good import ENV, Change, changed

AT = datetime(2025, 6, 2, 12, tzinfo=UTC)

DOCUMENT: dict[str, Any] = {
    "portfolio": "treasury",
    "as_of": "2025-06-02T12:00:00.000Z",
    "state": "RUN",
    "equity": "100000.5",
    "weights": {
        "BTC": {"spot": "0.7", "effective": "0.6123", "target": "0.6", "band": "0.05"},
        "USDT": {"spot": "0.3", "effective": "0.3877", "target": "0.4", "band": "1"},
    },
    "margin": {"main": {"distance": None, "ratio": None}},
    "drawdown": {
        "depth": "0.04",
        "high": "104167.19",
        "loss": "4166.69",
        "tier": "none",
        "next": {"tier": "slow", "at": "0.05"},
    },
    "hedges": [{"strategy": "half", "asset": "BTC", "overlay": "-0.35"}],
    "positions": [
        {
            "venue": "main",
            "symbol": "BTC/USDT:USDT",
            "qty": "-0.4",
            "own": "-0.3",
            "baseline": "-0.1",
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout."""
        assert len(self.out.splitlines()) == 1
        made = json.loads(self.out)
        assert isinstance(made, dict)
        return made


Cli = Callable[..., Ran]
Config = Callable[..., Path]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command as the console script does."""

    def run(*arguments: str | Path) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return Ran(int(ended.value.code or 0), shown.out, shown.err)

    return run


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Write the good config with changes as counterpoise.yaml of the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COUNTERPOISE_CONFIG", raising=False)
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)

    def write(*changes: Change, name: str = "counterpoise.yaml") -> Path:
        secret = tmp_path / "secret"
        secret.write_text("fake-secret-of-a-test")
        secret.chmod(0o600)
        path = Path(name)
        path.write_text(changed(*changes))
        return path

    return write


@pytest.fixture
def ran(config: Config, tmp_path: Path) -> Path:
    """A config whose daemon has run for two cycles and is gone."""
    path = config()
    url = f"sqlite:///{tmp_path}/here.db"
    upgrade(url)

    async def fill() -> None:
        record = connect(url)
        await record.store.open()
        known = PortfolioRecord(
            id="treasury",
            trading_state=TradingState.RUN,
            config_hash="a" * 64,
            started_at=AT - timedelta(days=1),
        )
        early = JournalRow(
            portfolio="treasury", cycle_id="c1", at=AT - timedelta(minutes=1),
            summary="nothing to do", document=DOCUMENT,
        )  # fmt: skip
        orders = (
            make_order(client_order_id="cpold", state=OrderState.FILLED, created_at=AT),
            make_order(client_order_id="cpopen", state=OrderState.OPEN, created_at=AT),
            make_order(
                client_order_id="cplost", state=OrderState.UNKNOWN, created_at=AT, reason="timeout"
            ),
        )
        told = alert("treasury", "test", Severity.INFO, "hello", AT)
        await record.store.commit(
            Changes(
                portfolio="treasury", record=known, journal=early, orders=orders, alerts=(told,)
            )
        )
        late = JournalRow(
            portfolio="treasury", cycle_id="c2", at=AT, summary="2 orders sent", document=DOCUMENT
        )
        await record.store.commit(Changes(portfolio="treasury", journal=late))
        await record.store.close()

    asyncio.run(fill())
    return path
