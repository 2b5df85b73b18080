"""Recorded series from files, and the one clear line when a file is wrong."""

from __future__ import annotations

import gzip
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import Candle, FundingRate, FundingSeries, Series
from counterpoise.venue.sim.feed import load_folder, load_series

HEADER = "ts,open,high,low,close,volume"
HOUR = timedelta(hours=1)
T0 = datetime(2025, 3, 6, tzinfo=UTC)
TS0 = 1741219200000
GOOD = [
    f"{TS0},100,110,90,105.5,3.25",
    f"{TS0 + 3_600_000},105.5,106,104,105,1",
    f"{TS0 + 3 * 3_600_000},105,105,105,105,0",
]


def write(folder: Path, lines: list[str], name: str = "spot_BTCUSDT_1h.csv") -> Path:
    path = folder / name
    data = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["spot_BTCUSDT_1h.csv", "spot_BTCUSDT_1h.csv.gz"])
def test_bars_are_read_exactly_and_the_interval_is_read_off_the_rows(
    tmp_path: Path, name: str
) -> None:
    loaded = load_series(write(tmp_path, [HEADER, *GOOD], name))
    assert isinstance(loaded, Series)
    assert (loaded.kind, loaded.symbol, loaded.interval) == ("spot", "BTCUSDT", HOUR)
    assert loaded.candles[0] == Candle(T0, *map(dec, ("100", "110", "90", "105.5", "3.25")))
    assert [c.open_at for c in loaded.candles] == [T0, T0 + HOUR, T0 + 3 * HOUR]


def test_any_name_will_do_when_kind_and_symbol_are_told(tmp_path: Path) -> None:
    path = write(tmp_path, [HEADER, *GOOD], "crash_spot.csv")
    loaded = load_series(path, kind="perp", symbol="ETHUSDT")
    assert isinstance(loaded, Series)
    assert (loaded.kind, loaded.symbol) == ("perp", "ETHUSDT")
    with pytest.raises(ValueError, match=r"expected a name like .*, was crash_spot.csv"):
        load_series(path)


def test_marks_have_no_volume_and_funding_has_rates(tmp_path: Path) -> None:
    rows = [",".join(row.split(",")[:5]) for row in GOOD]
    mark = load_series(write(tmp_path, ["ts,open,high,low,close", *rows], "mark_BTCUSDT_1h.csv"))
    assert isinstance(mark, Series)
    assert mark.candles[0].volume == 0
    funding = load_series(write(tmp_path, ["ts,rate", f"{TS0},-0.003"], "funding_BTCUSDT_8h.csv"))
    assert funding == FundingSeries(symbol="BTCUSDT", rates=(FundingRate(T0, dec("-0.003")),))


def test_a_window_leaves_out_what_is_before_and_from_its_end_on(tmp_path: Path) -> None:
    path = write(tmp_path, [HEADER, *GOOD, f"{TS0 + 4 * 3_600_000},1,1,1,1,1"])
    loaded = load_series(path, start=T0 + HOUR, end=T0 + 4 * HOUR)
    assert isinstance(loaded, Series)
    assert [c.open_at for c in loaded.candles] == [T0 + HOUR, T0 + 3 * HOUR]


WRONG = [
    ("a wrong header", ["time,open,high,low,close,volume", *GOOD], r":1: expected the columns ts,open"),
    ("an empty file", [], r":1: expected the columns"),
    ("a missing cell", [HEADER, GOOD[0], f"{TS0 + 1},1,1,1,1"], r":3: expected 6 cells, was 5"),
    ("a blank line inside", [HEADER, GOOD[0], "", GOOD[1]], r":3: expected 6 cells, was 1"),
    ("a time that is none", [HEADER, "soon,1,1,1,1,1"], r":2: expected a ts in ms, was 'soon'"),
    ("a time with a fraction", [HEADER, "1.5,1,1,1,1,1"], r":2: expected a ts in ms"),
    ("rows out of order", [HEADER, GOOD[1], GOOD[0]], r":3: expected a ts after"),
    ("a row twice", [HEADER, GOOD[0], GOOD[0]], r":3: expected a ts after"),
    ("text for a number", [HEADER, f"{TS0},1,x,1,1,1"], r":2: expected numbers, was"),
    ("not a number", [HEADER, f"{TS0},1,1,1,nan,1"], r":2: expected "),
    ("infinity", [HEADER, f"{TS0},1,Infinity,1,1,1"], r":2: expected 0 < low"),
    ("infinite volume", [HEADER, f"{TS0},1,1,1,1,Infinity"], r":2: expected 0 < low"),
    ("a high below the close", [HEADER, f"{TS0},1,1.5,1,2,1"], r":2: expected 0 < low <= open"),
    ("a low above the open", [HEADER, f"{TS0},1,3,2,2,1"], r":2: expected 0 < low <= open"),
    ("a price of zero", [HEADER, f"{TS0},0,1,0,1,1"], r":2: expected 0 < low"),
    ("a negative volume", [HEADER, f"{TS0},1,1,1,1,-1"], r":2: expected 0 < low"),
    ("one bar only", [HEADER, GOOD[0]], r"expected at least 2 bars, was 1"),
    ("bars off the grid", [HEADER, *GOOD, f"{TS0 + 14_000_000},1,1,1,1,1"], r"expected bars on a grid of"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "message"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_a_wrong_file_says_where_and_what(tmp_path: Path, lines: list[str], message: str) -> None:
    path = write(tmp_path, lines)
    with pytest.raises(ValueError, match=message) as caught:
        load_series(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("rate", ["high", "NaN", "1.5"])
def test_a_wrong_rate_says_where(tmp_path: Path, rate: str) -> None:
    path = write(tmp_path, ["ts,rate", f"{TS0},{rate}"], "funding_BTCUSDT_8h.csv")
    with pytest.raises(ValueError, match=r"funding_BTCUSDT_8h\.csv:2: expected"):
        load_series(path)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "spot_BTCUSDT_1h.csv.gz"
    whole = gzip.compress("\n".join([HEADER, *GOOD]).encode())
    for data in (None, b"not gzip at all", whole[:-20], whole[:10] + b"\xff" * 40):
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(ValueError, match="expected a readable CSV file") as caught:
            load_series(path)
        assert str(path) in str(caught.value)


class TestFolder:
    def test_names_that_say_what_they_are_are_read_and_others_left_alone(
        self, tmp_path: Path
    ) -> None:
        write(tmp_path, [HEADER, *GOOD], "spot_BTCUSDT_1h.csv.gz")
        write(tmp_path, [HEADER, *GOOD], "perp_BTCUSDT_1h.csv")
        write(tmp_path, ["ts,rate", f"{TS0},0.0001"], "funding_BTCUSDT_8h.csv")
        write(tmp_path, ["whatever"], "crash_spot_BTCUSDT_5m.csv")
        write(tmp_path, ["{}"], "tiers.json")
        found = load_folder(tmp_path)
        assert [(s.kind, s.symbol) for s in found.series] == [
            ("perp", "BTCUSDT"),
            ("spot", "BTCUSDT"),
        ]
        assert [f.symbol for f in found.funding] == ["BTCUSDT"]

    def test_a_dated_future_comes_with_its_pair(self, tmp_path: Path) -> None:
        for name in ("spot_BTCUSDT_1h", "future_BTCUSDT_260327_1h", "perp_ETHUSDT_260327_1h"):
            write(tmp_path, [HEADER, *GOOD], f"{name}.csv")
        write(tmp_path, [HEADER, *GOOD], "future_BTCUSDT_1h.csv")  # no day: another name
        found = load_folder(tmp_path, symbols=["BTCUSDT"]).series
        assert [(s.kind, s.symbol) for s in found] == [
            ("perp", "BTCUSDT_260327"),
            ("spot", "BTCUSDT"),
        ]
        assert {s.symbol for s in load_folder(tmp_path).series} == {
            "BTCUSDT", "BTCUSDT_260327", "ETHUSDT_260327",
        }  # fmt: skip
        write(tmp_path, [HEADER, *GOOD], "perp_BTCUSDT_260327_1h.csv")
        with pytest.raises(ValueError, match="expected one file for perp BTCUSDT_260327"):
            load_folder(tmp_path)

    def test_only_the_symbols_asked_for_are_read(self, tmp_path: Path) -> None:
        write(tmp_path, [HEADER, *GOOD], "spot_BTCUSDT_1h.csv")
        write(tmp_path, ["broken"], "spot_ETHUSDT_1h.csv")
        assert len(load_folder(tmp_path, symbols=["BTCUSDT"]).series) == 1

    def test_a_file_given_by_hand_replaces_the_folders_which_is_not_read(
        self, tmp_path: Path
    ) -> None:
        write(tmp_path, ["broken"], "spot_BTCUSDT_1h.csv")
        other = write(tmp_path, [HEADER, *GOOD], "mine.csv")
        found = load_folder(tmp_path, overrides={("spot", "BTCUSDT"): other})
        assert found.series[0].candles[0].open == 100

    def test_two_files_for_one_market_are_refused(self, tmp_path: Path) -> None:
        write(tmp_path, [HEADER, *GOOD], "spot_BTCUSDT_1h.csv")
        write(tmp_path, [HEADER, *GOOD], "spot_BTCUSDT_5m.csv")
        with pytest.raises(ValueError, match="expected one file for spot BTCUSDT"):
            load_folder(tmp_path)

    def test_a_missing_folder_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="expected a folder"):
            load_folder(tmp_path / "nowhere")


def test_the_recorded_market_loads_with_its_halts(shared: Path) -> None:
    loaded = load_series(shared / "market" / "spot_BTCUSDT_1h.csv.gz")
    assert isinstance(loaded, Series)
    opens = [candle.open_at for candle in loaded.candles]
    steps = [after - before for before, after in itertools.pairwise(opens)]
    missing = sum(step // HOUR - 1 for step in steps)
    assert (len(opens), loaded.interval, missing) == (50_916, HOUR, 36)
    assert sum(step > HOUR for step in steps) == 17
