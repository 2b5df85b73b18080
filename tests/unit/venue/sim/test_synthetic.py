"""The made-up market: calm, a crash, a partial recovery, a rally; the same for the same seed."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import MarketKind, SimExchange, SyntheticMarket, synthetic_market


@pytest.fixture(scope="module", name="made")
def made_market() -> SyntheticMarket:
    return synthetic_market(seed=1)


class TestSyntheticMarket:
    def closes(self, made: SyntheticMarket, kind: str, symbol: str) -> list[Decimal]:
        (found,) = [s for s in made.series if (s.kind, s.symbol) == (kind, symbol)]
        return [candle.close for candle in found.candles]

    def test_it_is_ten_days_of_five_minute_bars_of_two_coins(self, made: SyntheticMarket) -> None:
        assert {(s.kind, s.symbol) for s in made.series} == {
            (kind, symbol) for kind in ("spot", "perp", "mark") for symbol in ("BTCUSDT", "ETHUSDT")
        }
        assert {len(s.candles) for s in made.series} == {10 * 24 * 12}

    def test_the_story_has_a_crash_and_a_rally_in_it(self, made: SyntheticMarket) -> None:
        for symbol, first in (("BTCUSDT", 90_000), ("ETHUSDT", 3_000)):
            closes = self.closes(made, "spot", symbol)
            calm = closes[: len(closes) // 5]
            low = min(closes)
            rally = max(closes[closes.index(low) :])
            assert abs(closes[0] / first - 1) < dec("0.02")
            assert max(calm) / min(calm) < dec("1.06")
            assert dec("-0.36") < low / calm[-1] - 1 < dec("-0.22")
            assert rally / low > dec("1.3")

    def test_the_crash_takes_hours_not_one_bar(self, made: SyntheticMarket) -> None:
        closes = self.closes(made, "spot", "BTCUSDT")
        worst = min(b / a - 1 for a, b in itertools.pairwise(closes))
        assert worst > dec("-0.03")

    def test_the_basis_is_small_and_varies_and_funding_follows_it(
        self, made: SyntheticMarket
    ) -> None:
        pairs = zip(
            self.closes(made, "perp", "BTCUSDT"), self.closes(made, "spot", "BTCUSDT"), strict=True
        )
        basis = [perp / spot - 1 for perp, spot in pairs]
        assert -dec("0.004") < min(basis) < 0 < max(basis) < dec("0.004")
        rates = [rate.rate for rate in made.funding[0].rates]
        assert min(rates) < 0 < max(rates)

    def test_an_order_of_ten_thousand_fills_within_two_bars(self, made: SyntheticMarket) -> None:
        for each in made.series:
            if each.kind == "mark":
                continue
            depth = [bar.volume * bar.close / 10 for bar in each.candles]
            assert min(a + b for a, b in itertools.pairwise(depth)) > 10_000

    def test_the_same_seed_gives_the_same_market_and_another_seed_another(
        self, made: SyntheticMarket
    ) -> None:
        assert synthetic_market(seed=1) == made
        assert synthetic_market(seed=2).series[0] != made.series[0]

    def test_length_and_interval_can_be_chosen(self) -> None:
        start = datetime(2025, 6, 1, 3, tzinfo=UTC)
        made = synthetic_market(seed=1, start=start, hours=200, interval=timedelta(hours=1))
        assert {len(s.candles) for s in made.series} == {200}
        assert made.series[0].candles[0].open_at == start
        assert made.funding[0].rates[0].at == datetime(2025, 6, 1, tzinfo=UTC)
        with pytest.raises(ValueError, match="expected at least 100 bars"):
            synthetic_market(seed=1, hours=2)

    def test_it_trades(self, made: SyntheticMarket) -> None:
        start = made.series[0].candles[0].open_at
        exchange = SimExchange(
            rules=made.rules, series=made.series, funding=made.funding, now=start
        )
        assert exchange.end == start + timedelta(days=10)
        assert exchange.book(MarketKind.PERP, "BTCUSDT").funding_rate is not None
