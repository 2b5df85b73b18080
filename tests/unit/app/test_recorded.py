from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from counterpoise.app.recorded import RecordedMarket, recorded_market
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import Band, PortfolioPolicy, Sleeve
from tests.recordings import HOUR, START, write_funding, write_market, write_series

FLAT = [100] * 48


def policy(*assets: str) -> PortfolioPolicy:
    share = dec(1) / len(assets)
    core = Sleeve(
        id="core", weight=dec(1), assets=dict.fromkeys(assets, share), band=Band(size=dec(1))
    )
    return PortfolioPolicy(id="p", venues=("v",), quote="USDT", sleeves=(core,), strategies=())


def market(
    folder: Path, *assets: str, start: int | None = None, end: int | None = None
) -> RecordedMarket:
    return recorded_market(
        folder,
        policy(*assets),
        START + start * HOUR if start is not None else None,
        START + end * HOUR if end is not None else None,
    )


def test_without_a_window_it_is_what_all_recordings_cover(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", FLAT)
    write_series(tmp_path, "spot", "ETHUSDT", FLAT, start=START + 10 * HOUR)
    write_series(tmp_path, "spot", "SOLUSDT", [100] * 5)  # of no portfolio here
    made = market(tmp_path, "BTC", "ETH")
    assert (made.start, made.end) == (START + 10 * HOUR, START + 48 * HOUR)
    assert made.interval == HOUR
    assert {(s.kind, s.symbol) for s in made.series} == {
        ("spot", "BTCUSDT"), ("perp", "BTCUSDT"), ("mark", "BTCUSDT"), ("spot", "ETHUSDT"),
    }  # fmt: skip
    assert made.bars == 3 * 38


def test_the_past_before_the_start_is_kept(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", FLAT)
    made = market(tmp_path, "BTC", start=20, end=30)
    (spot,) = (s for s in made.series if s.kind == "spot")
    assert spot.candles[0].open_at == START
    assert made.bars == 20, "spot and perpetual, ten each"


def test_the_finest_bars_set_the_interval(tmp_path: Path) -> None:
    write_series(tmp_path, "spot", "BTCUSDT", FLAT)
    fine = write_series(tmp_path, "perp", "BTCUSDT", FLAT)
    lines = fine.read_text().splitlines()
    late = str(int(lines[1].partition(",")[0]) + 900_000)
    fine.write_text("\n".join([*lines[:2], late + "," + lines[1].partition(",")[2], *lines[2:]]))
    assert market(tmp_path, "BTC").interval == timedelta(minutes=15)


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    write_series(tmp_path, "spot", "BTCUSDT", FLAT)
    write_series(tmp_path, "spot", "ETHUSDT", FLAT)
    write_series(tmp_path, "perp", "ETHUSDT", FLAT[:20], start=START + 28 * HOUR)
    write_market(tmp_path, "SOLUSDT", FLAT)
    write_funding(tmp_path, "SOLUSDT", ["0.0001"])
    assert market(tmp_path, "BTC", "ETH", "SOL").lacks == (
        "BTC has no futures here: nothing of it can be hedged",
        "ETH has no futures before 2024-03-02T04:00Z: nothing of it can be hedged until then",
        "ETH has no mark prices here: the last price of its future stands for them",
        "ETH has no funding rates here: none is paid",
    )


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (-1, None, "--from: expected 2024-03-01T00:00Z or later, where the candles of BTC begin"),
        (
            None,
            49,
            "--to: expected 2024-03-03T00:00Z or earlier, where the candles of .* BTCUSDT end",
        ),
        (30, 30, "--from: expected an instant before 2024-03-02T06:00Z"),
        (30, 20, "--from: expected an instant before 2024-03-01T20:00Z, was 2024-03-02T06:00Z"),
        (48, None, "--from: expected an instant before 2024-03-03T00:00Z"),
        (500, None, "--from"),
    ],
)
def test_a_window_outside_the_data_is_refused(
    tmp_path: Path, start: int | None, end: int | None, told: str
) -> None:
    write_market(tmp_path, "BTCUSDT", FLAT)
    with pytest.raises(ValueError, match=told):
        market(tmp_path, "BTC", start=start, end=end)


def test_an_asset_without_candles_is_refused_with_what_there_is(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", FLAT)
    write_funding(tmp_path, "ETHUSDT", ["0.0001"])
    with pytest.raises(
        ValueError, match=r"candles of ETH against USDT, such as spot_ETHUSDT_1h.*it has BTCUSDT\)"
    ):
        market(tmp_path, "BTC", "ETH")


def test_parquet_is_told_to_come_later(tmp_path: Path) -> None:
    (tmp_path / "spot_BTCUSDT_1h.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"expected CSV, was spot_BTCUSDT_1h\.parquet"):
        market(tmp_path, "BTC")


def test_no_folder_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a folder"):
        market(tmp_path / "nowhere", "BTC")
    path = write_series(tmp_path, "spot", "BTCUSDT", FLAT)
    path.write_text(path.read_text().replace(",100,", ",x,", 1))
    with pytest.raises(ValueError, match=r"spot_BTCUSDT_1h\.csv:2: expected numbers"):
        market(tmp_path, "BTC")
    path.write_text("ts,open\n")
    with pytest.raises(ValueError, match="expected rows"):
        market(tmp_path, "BTC")


def test_a_dated_future_is_traded_and_does_not_end_the_window(tmp_path: Path) -> None:
    write_market(tmp_path, "BTCUSDT", FLAT)
    write_series(tmp_path, "future", "BTCUSDT_240302", FLAT[:32])
    write_series(tmp_path, "future", "ETHUSDT_240302", FLAT)
    made = market(tmp_path, "BTC")
    assert made.end == START + 48 * HOUR
    assert [s.symbol for s in made.series if s.symbol != "BTCUSDT"] == ["BTCUSDT_240302"]
    assert made.bars == 48 + 48 + 32
    late = market(tmp_path, "BTC", start=40)
    assert {s.symbol for s in late.series} == {"BTCUSDT"}, "it had ended"
