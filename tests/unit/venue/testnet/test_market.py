"""Options are checked in words, and files become the market they should."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import MarketKind, Wallet
from counterpoise.venue.testnet.launch import TestnetOptions, build_exchange
from tests.unit.venue.testnet.small import NOW

HOUR = timedelta(hours=1)
FIRST = datetime(2025, 1, 1, tzinfo=UTC)


def write(
    folder: Path,
    name: str,
    *,
    first: datetime = FIRST,
    bars: int = 48,
    price: int = 100,
    step: timedelta = HOUR,
) -> Path:
    marks = name.startswith("mark")
    lines = ["ts,open,high,low,close" + ("" if marks else ",volume")]
    for n in range(bars):
        stamp = int((first + step * n).timestamp() * 1_000)
        close = price + n
        lines.append(f"{stamp},{close},{close},{close},{close}" + ("" if marks else ",10"))
    path = folder / name
    text = "\n".join(lines) + "\n"
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "spot_BTCUSDT_1h.csv.gz")
    write(tmp_path, "perp_BTCUSDT_1h.csv.gz")
    write(tmp_path, "spot_ETHUSDT_1h.csv", first=FIRST + 10 * HOUR)
    (tmp_path / "README.md").write_text("notes")
    return tmp_path


def test_a_folder_starts_where_all_its_markets_trade(folder: Path) -> None:
    exchange = build_exchange(TestnetOptions(market=folder, balance="BTC=2"))
    assert exchange.now == FIRST + 10 * HOUR
    assert [(rule.kind, rule.symbol) for rule in exchange.rules()] == [
        (MarketKind.PERP, "BTCUSDT"),
        (MarketKind.SPOT, "BTCUSDT"),
        (MarketKind.SPOT, "ETHUSDT"),
    ]
    (key,) = exchange.accounts()
    assert exchange.account(key).spot["BTC"].free == dec(2)


def test_a_market_that_had_not_begun_is_not_listed(folder: Path) -> None:
    exchange = build_exchange(TestnetOptions(market=folder, start=FIRST + 5 * HOUR))
    assert {rule.symbol for rule in exchange.rules()} == {"BTCUSDT"}
    assert exchange.now == FIRST + 5 * HOUR
    assert exchange.book(MarketKind.SPOT, "BTCUSDT").last == dec(104)


def test_a_single_file_replaces_the_folders(folder: Path) -> None:
    fine = write(folder, "fine.csv", first=FIRST + HOUR, price=900, step=timedelta(minutes=5))
    exchange = build_exchange(TestnetOptions(market=folder, series=(f"spot:BTCUSDT={fine}",)))
    assert exchange.now == FIRST + HOUR
    exchange.advance(dec(300))
    assert exchange.book(MarketKind.SPOT, "BTCUSDT").last == dec(900)
    assert exchange.book(MarketKind.PERP, "BTCUSDT").last == dec(100)


def test_only_the_past_that_is_needed_is_kept(folder: Path) -> None:
    long_ago = FIRST - timedelta(days=200)
    write(folder, "spot_BTCUSDT_1h.csv.gz", first=long_ago, bars=24 * 202)
    exchange = build_exchange(TestnetOptions(market=folder, start=FIRST))
    oldest = exchange.candles("spot", "BTCUSDT", HOUR, start=long_ago, limit=1)[0]
    assert oldest.open_at == FIRST - timedelta(days=120)


def test_a_synthetic_market_begins_now_with_a_day_behind_it() -> None:
    at = datetime(2025, 3, 3, 12, 34, 56, tzinfo=UTC)
    exchange = build_exchange(TestnetOptions(seed=3), now=at)
    assert exchange.now == at
    day = exchange.ticker(MarketKind.SPOT, "BTCUSDT")
    assert day.trades >= 287
    assert exchange.end is not None
    assert exchange.end - at > timedelta(days=8)


def test_a_synthetic_market_repeats_by_seed_and_start() -> None:
    def last(seed: int) -> object:
        exchange = build_exchange(TestnetOptions(synthetic=True, seed=seed, start=NOW))
        exchange.advance(dec(36_000))
        return exchange.book(MarketKind.PERP, "BTCUSDT").last, exchange.accounts()

    assert last(1) == last(1)
    assert last(1) != last(2)


def test_balances_reach_both_wallets() -> None:
    options = TestnetOptions(start=NOW, balance="BTC=1,USDT@futures=20")
    exchange = build_exchange(options)
    view = exchange.account(exchange.accounts()[0])
    assert view.futures["USDT"].wallet_balance == dec(20)
    assert (Wallet.SPOT, view.spot["BTC"].free) == (Wallet.SPOT, dec(1))


@pytest.mark.parametrize(
    ("options", "speed"),
    [
        ({}, "1"),
        ({"synthetic": True}, "1"),
        ({"synthetic": True, "start": NOW}, "0"),
        ({"synthetic": True, "speed": dec(60)}, "60"),
        ({"series": ("spot:BTCUSDT=x",)}, "0"),
        ({"series": ("spot:BTCUSDT=x",), "speed": dec(2)}, "2"),
    ],
)
def test_only_a_synthetic_market_that_begins_now_follows_the_wall(
    options: dict[str, object], speed: str
) -> None:
    assert TestnetOptions(**options).market_speed == dec(speed)  # type: ignore[arg-type]  # a table


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dialects": ("kraken",)}, "--dialect: expected binance, was kraken"),
        ({"synthetic": True, "series": ("spot:BTCUSDT=x",)}, "--synthetic: expected alone"),
        ({"market": Path("/no/such/folder")}, "--market: expected a folder, was /no/such/folder"),
        ({"start": datetime(2025, 1, 1)}, "--from: expected an instant with its zone"),  # noqa: DTZ001 - the point
        ({"speed": dec(-1)}, "--speed: expected 0 to 1000000, was -1"),
        ({"port": 70_000}, "--port: expected 0 to 65535, was 70000"),
        ({"balance": "BTC"}, "balance: expected ASSET=QTY"),
        ({"series": ("BTCUSDT=x",)}, "--series: expected spot|perp|mark|funding:SYMBOL=FILE"),
        ({"series": ("moon:BTCUSDT=x",)}, "--series: expected spot|perp|mark|funding:SYMBOL=FILE"),
        ({"series": ("spot:BTCUSDT=/no/file",)}, "--series: expected a file, was /no/file"),
    ],
)
def test_bad_options_say_where_what_was_expected_and_what_was_given(
    options: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        build_exchange(TestnetOptions(**options))  # type: ignore[arg-type]  # a table
    assert said in str(caught.value)


def test_bad_files_say_where(folder: Path, tmp_path: Path) -> None:
    def said(**options: object) -> str:
        with pytest.raises(ValueError, match="expected") as caught:
            build_exchange(TestnetOptions(**options))  # type: ignore[arg-type]  # passed on
        return str(caught.value)

    one = write(tmp_path, "one.csv")
    assert "expected spot:BTCUSDT once" in said(series=(f"spot:BTCUSDT={one}",) * 2)
    assert "expected a spot or perp series" in said(series=(f"mark:BTCUSDT={one}",))
    late = FIRST + 1_000 * HOUR
    assert "--from: expected an instant from" in said(market=folder, start=late)
    write(folder, "spot_BTCUSDT_5m.csv")
    assert "expected one file for spot:BTCUSDT" in said(market=folder)
    (folder / "spot_BTCUSDT_5m.csv").unlink()
    (folder / "spot_ETHUSDT_1h.csv").write_text("ts,open,high,low,close,volume\nsoon,1,1,1,1,1\n")
    assert "spot_ETHUSDT_1h.csv:2: expected a ts in ms" in said(market=folder)
    (folder / "spot_ETHUSDT_1h.csv.gz").write_bytes(b"no gzip")
    (folder / "spot_ETHUSDT_1h.csv").unlink()
    assert "expected a readable CSV file" in said(market=folder)


def test_a_recorded_future_is_listed_from_its_first_bar_until_its_end(folder: Path) -> None:
    for symbol in ("BTCUSDT_241227", "BTCUSDT_250103"):  # the first had ended
        write(folder, f"future_{symbol}_1h.csv", first=FIRST - 900 * HOUR, bars=1_000)
    write(folder, "future_BTCUSDT_250328_1h.csv", first=FIRST + 20 * HOUR)
    exchange = build_exchange(TestnetOptions(market=folder))
    assert exchange.now == FIRST + 10 * HOUR, "no future decides where it begins"
    dated = [rule for rule in exchange.rules() if rule.expiry_at is not None]
    assert [(rule.symbol, rule.pair) for rule in dated] == [("BTCUSDT_250103", "BTCUSDT")]
    assert dated[0].tick_size == exchange.rule(MarketKind.PERP, "BTCUSDT").tick_size
    wrong = write(folder, "one.csv")
    with pytest.raises(ValueError, match="expected a date as YYMMDD"):
        build_exchange(TestnetOptions(series=(f"perp:BTCUSDT_259999={wrong}",)))


def test_a_future_is_made_of_its_coins_prices() -> None:
    options = TestnetOptions(start=NOW, dated=("BTCUSDT_250309=36.5%", "ETHUSDT_250627=-2%"))
    exchange = build_exchange(options)
    spot = exchange.book(MarketKind.SPOT, "BTCUSDT").last
    rule = exchange.rule(MarketKind.PERP, "BTCUSDT_250309")
    assert rule.expiry_at == datetime(2025, 3, 9, 8, tzinfo=UTC)
    days = dec((rule.expiry_at - exchange.now) // timedelta(minutes=1)) / 1_440
    premium = exchange.book(MarketKind.PERP, rule.symbol).last / spot - 1
    assert abs(premium - days * dec("0.001")) < dec("0.00001")
    ether = exchange.book(MarketKind.PERP, "ETHUSDT_250627").last
    assert ether < exchange.book(MarketKind.SPOT, "ETHUSDT").last
    exchange.advance_to(rule.expiry_at)
    ended = exchange.delivery(rule.symbol)
    assert ended is not None
    assert abs(ended.price / exchange.book(MarketKind.SPOT, "BTCUSDT").last - 1) < dec("0.02")


def test_a_recorded_coin_without_a_perpetual_gets_a_future_too(folder: Path) -> None:
    exchange = build_exchange(TestnetOptions(market=folder, dated=("ETHUSDT_250627=8%",)))
    rule = exchange.rule(MarketKind.PERP, "ETHUSDT_250627")
    assert (rule.base, rule.tick_size, rule.min_notional) == ("ETH", dec("0.01"), 20)
    assert exchange.book(MarketKind.PERP, rule.symbol).last > 100


@pytest.mark.parametrize(
    ("dated", "said"),
    [
        ("BTCUSDT=8%", "expected SYMBOL_YYMMDD=N% with what it costs more a year"),
        ("BTCUSDT_250627=8", "expected SYMBOL_YYMMDD=N%"),
        ("BTCUSDT_250627=1.2.3%", "expected SYMBOL_YYMMDD=N%"),
        ("BTCUSDT_259999=8%", "expected a date as YYMMDD"),
        ("SOLUSDT_250627=8%", "expected a coin whose spot market is here, was SOLUSDT_250627"),
        ("BTCUSDT_250303=8%", "expected a day after 2025-03-03T12:00:00+00:00"),
        ("BTCUSDT_680101=-8%", "expected a yearly basis that leaves a price, was -0.08 for 42.8"),
    ],
)
def test_a_future_that_cannot_be_is_told(dated: str, said: str) -> None:
    with pytest.raises(ValueError, match="--dated: ") as caught:
        build_exchange(TestnetOptions(start=NOW, dated=(dated,)))
    assert said in str(caught.value)


def test_a_future_is_made_once() -> None:
    with pytest.raises(ValueError, match="--dated: expected a future that is not there yet"):
        build_exchange(TestnetOptions(start=NOW, dated=("BTCUSDT_250627=8%",) * 2))


def test_an_empty_folder_is_no_market(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a spot or perp series, was none"):
        build_exchange(TestnetOptions(market=tmp_path))


def test_the_recorded_crash_starts_where_its_files_begin(shared: Path) -> None:
    files = {
        kind: shared / "market" / f"crash2025apr_{kind}_BTCUSDT_5m.csv.gz"
        for kind in ("spot", "perp")
    }
    exchange = build_exchange(
        TestnetOptions(
            market=shared / "market",
            series=tuple(f"{kind}:BTCUSDT={path}" for kind, path in files.items()),
        )
    )
    assert exchange.now == datetime(2025, 3, 6, 10, 30, tzinfo=UTC)
    exchange.advance(dec(38 * 86_400))
    assert exchange.book(MarketKind.PERP, "BTCUSDT").last > dec(80_000)
    assert {rule.symbol for rule in exchange.rules()} >= {"BTCUSDT", "ETHUSDT", "SOLUSDT"}
