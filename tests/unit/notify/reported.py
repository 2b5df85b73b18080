"""A report of a day by hand, across the beginning of summer time in Berlin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from counterpoise.domain.numbers import dec
from counterpoise.domain.reporting import (
    Event,
    HedgeLine,
    Period,
    PeriodReport,
    WeightLine,
)

SINCE = datetime(2026, 3, 28, 7, tzinfo=UTC)
UNTIL = datetime(2026, 3, 29, 6, tzinfo=UTC)
OPEN = HedgeLine(
    strategy="btc-half",
    asset="BTC",
    instrument="BTC/USDT:USDT",
    qty=dec("-0.5"),
    entry=dec("79999.99"),
    funding=dec(20),
    fees=dec(12),
    price=dec("-2000"),
    net=dec("-1992"),
)
ENDED = HedgeLine(
    strategy="eth-dip",
    asset="ETH",
    instrument="ETH/USDT:USDT",
    qty=dec(2),
    entry=dec(3000),
    exit=dec("3050.5"),
    closed_at=UNTIL - timedelta(hours=10),
    funding=dec("-1.25"),
    fees=dec("3.5"),
    price=dec(101),
    net=dec("96.25"),
)
REPORT = PeriodReport(
    portfolio="treasury",
    period=Period.DAILY,
    quote="USDT",
    zone="Europe/Berlin",
    since=SINCE,
    until=UNTIL,
    why="",
    start=dec("129972.45"),
    end=dec("136985.355"),
    unknown=(),
    flows=dec(5000),
    funding=dec("16.655"),
    fees=dec("3.75"),
    price=dec(2000),
    hedges=dec(-1500),
    coins=dec(3500),
    outside={"BNB": dec("0.0123")},
    weights=(
        WeightLine(asset="BTC", now=dec("0.318"), target=dec("0.3")),
        WeightLine(asset="USDT", now=dec("0.682"), target=None),
    ),
    open=(OPEN,),
    ended=(ENDED,),
    distance=dec("0.498"),
    low=dec("0.312"),
    low_at=UNTIL - timedelta(hours=6),
    unseen=(),
    state="RUN",
    state_since=None,
    state_why=None,
    requests=(),
    events=(
        Event(at=UNTIL + timedelta(hours=2), kind="funding", text="funding of BTC", amount=dec("4.2")),
        Event(at=UNTIL + timedelta(days=5), kind="expiry", text="BTC/USDT:USDT-260403 ends"),
    ),
)  # fmt: skip
