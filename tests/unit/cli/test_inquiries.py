"""status, orders, journal and db: what they tell from a database alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from counterpoise import __version__
from counterpoise.app.clock import WallClock
from counterpoise.cli.main import app
from counterpoise.domain.codec import document_of
from counterpoise.domain.instants import shown_at
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import OrderState
from counterpoise.domain.records import Changes, GuardRecord, Handed, JournalRow
from counterpoise.domain.reporting import REPORTS, Base, ReportState, Tally
from counterpoise.record.sql import connect
from counterpoise.record.sql.lock import FileLease
from counterpoise.record.sql.tables import SCHEMA
from tests.build import make_fill, make_order
from tests.unit.cli.conftest import AT, DOCUMENT, Cli, Config


def test_status_of_what_was_never_run_says_so(cli: Cli, config: Config, tmp_path: Path) -> None:
    config()
    ran = cli("status")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "Portfolio treasury was never run. Start it with: counterpoise run -c counterpoise.yaml\n"
    )
    assert not (tmp_path / "here.db").exists()
    document = cli("status", "--json").json
    assert document["portfolios"][0]["state"] is None
    assert document["alerts"] == {"pending": 0, "dead": 0, "sinks": []}


def test_report_of_what_was_never_run_says_so(cli: Cli, config: Config, tmp_path: Path) -> None:
    config()
    ran = cli("report")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Portfolio treasury\nNothing to report yet")
    (row,) = cli("report", "--week", "--json").json["reports"]
    assert (row["portfolio"], row["period"], row["since"]) == ("treasury", "weekly", None)
    assert not (tmp_path / "here.db").exists()


def test_report_tells_the_span_since_the_last_one(cli: Cli, ran: Path, tmp_path: Path) -> None:
    look = {
        **DOCUMENT, "cycle_id": "c9", "as_of": "2025-06-02T13:00:00.000Z", "equity": "101000", "held": [],
        "margin": {"main": {"distance": "0.42", "ratio": None, "unseen": None}},
        "prices": {"BTC/USDT:USDT": "100000"},
    }  # fmt: skip
    row = JournalRow(
        portfolio="treasury", cycle_id="c9", at=AT + timedelta(hours=1), summary="nothing to do", document=look
    )  # fmt: skip
    base = Base(at=AT, equity=dec(100_000), unrealized=dec(0))
    state = ReportState(
        quote="USDT", tally=Tally(funding=dec(12), fees=dec(2)), bases={"daily": base}
    )

    async def fill() -> None:
        record = connect(f"sqlite:///{tmp_path}/here.db")
        await record.store.open()
        kept = GuardRecord(id=REPORTS, document=document_of(state))
        await record.store.commit(Changes(portfolio="treasury", guards=(kept,), journal=row))
        await record.store.close()

    asyncio.run(fill())
    document = cli("report", ran, "--json").json
    (told,) = document["reports"]
    assert document["schema"] == 1
    assert told["equity"] == {"start": "100000", "end": "101000"}
    assert (told["price"], told["funding"], told["fees"], told["flows"]) == ("990", "12", "2", "0")
    shown = cli("report", ran).out
    assert shown == f"{told['text']}\n"
    assert shown.startswith("Up 1,000.00 USDT (+1.00 %) in 60 min.\n")
    (none,) = cli("report", ran, "--week", "--json").json["reports"]
    assert none["since"] is None


def test_status_needs_no_credential(cli: Cli, config: Config) -> None:
    config(("${KEY}", "${NOT_SET}"), ("secret_file: secret", "secret_file: gone"))
    assert cli("status").code == 0


def test_status_tells_of_every_sink_that_has_not_all(cli: Cli, ran: Path, tmp_path: Path) -> None:
    later = AT + timedelta(minutes=5)

    async def fail() -> None:
        record = connect(f"sqlite:///{tmp_path}/here.db")
        await record.store.open()
        await record.outbox.enrol(["log", "phone", "post"], AT)
        await record.outbox.settled("log", [1], Handed.TAKEN, AT)
        await record.outbox.failed("phone", "SinkBusy: 429 Too Many Requests", AT)
        await record.outbox.failed("phone", "ConnectionError: no route", later)
        await record.outbox.settled("post", [1], Handed.DEAD, later, "SinkRefusal: 400")
        await record.store.close()

    asyncio.run(fail())
    alerts = cli("status", ran, "--json").json["alerts"]
    assert (alerts["pending"], alerts["dead"]) == (1, 1)
    assert {s.pop("sink"): s for s in alerts["sinks"]}["phone"] == {
        "pending": 1,
        "dead": 0,
        "waits": "stopped",
        "quiet_until": None,
        "quiet_until_text": None,
        "failures": 2,
        "failing_since": "2025-06-02T12:00:00.000Z",
        "last_error": "ConnectionError: no route",
        "last_error_at": "2025-06-02T12:05:00.000Z",
        "joined_at": "2025-06-02T12:00:00.000Z",
    }
    told = cli("status", ran).out
    assert "Alerts not delivered: 1 waiting, 1 given up.\n" in told
    assert (
        "Sink phone: 1 waiting, told by the next run, failed 2 times in a row, since 2025-06-02 12:00:00Z;"
        " last error at 2025-06-02 12:05:00Z: ConnectionError: no route\n"
        "Sink post: 0 waiting, 1 given up; last error at 2025-06-02 12:05:00Z: SinkRefusal: 400"
    ) in told
    assert "Sink log" not in told


def test_status_says_why_alerts_wait(
    cli: Cli, ran: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a running daemon: quiet hours, a sink that fails, and one whose turn comes."""
    monkeypatch.setattr(WallClock, "now", lambda _: AT + timedelta(hours=11))
    written = (
        "alerts:\n  zone: Europe/Berlin\n  quiet: {from: '22:00', to: '07:00'}\n"
        "  telegram: {token: '${NOT_SET}', chats: [7]}\n"
        "  webhook: {url: '${NOT_SET}', secret: '${NOT_SET}', quiet: never}\n"
        "  notify: ['${NOT_SET}']\nstore: "
    )
    config(("store: ", written))

    async def enrol() -> None:
        record = connect(f"sqlite:///{tmp_path}/here.db")
        await record.store.open()
        await record.outbox.enrol(["telegram:7", "webhook", "notify:ntfy", "mqtt"], AT)
        await record.outbox.failed("mqtt", "ConnectionError: no route", AT)
        await record.store.close()

    asyncio.run(enrol())
    lease = FileLease(f"sqlite:///{tmp_path}/here.db")
    assert asyncio.run(lease.acquire())
    rows = {s["sink"]: s for s in cli("status", ran, "--json").json["alerts"]["sinks"]}
    told = cli("status", ran).out
    asyncio.run(lease.release())
    assert {name: (row["waits"], row["quiet_until"]) for name, row in rows.items()} == {
        "telegram:7": ("quiet", "2025-06-03T05:00:00.000Z"),
        "notify:ntfy": ("quiet", "2025-06-03T05:00:00.000Z"),
        "webhook": ("turn", None),
        "mqtt": ("failing", None),
    }
    assert "Sink telegram:7: 1 waiting, quiet until 07:00 CEST\n" in told
    assert "Sink webhook: 1 waiting, each in its turn\n" in told
    assert "Sink mqtt: 1 waiting, failed once, since 2025-06-02 12:00:00Z;" in told


def test_status_as_json(cli: Cli, ran: Path) -> None:
    document = cli("status", ran, "--json").json
    assert (document["schema"], document["version"]) == (1, __version__)
    assert document["alerts"] == {"pending": 1, "dead": 0, "sinks": []}
    (portfolio,) = document["portfolios"]
    assert float(portfolio.pop("age_s")) > 0
    assert portfolio == {
        "id": "treasury",
        "state": "RUN",
        "state_since": None,
        "state_why": None,
        "state_by": None,
        "as_of": "2025-06-02T12:00:00.000Z",
        "equity": "100000.5",
        "weights": DOCUMENT["weights"],
        "margin": DOCUMENT["margin"],
        "carry": [],
        "basis": [],
        "cross": [],
        "drawdown": DOCUMENT["drawdown"],
        "hedges": DOCUMENT["hedges"],
        "positions": DOCUMENT["positions"],
        "open_orders": 1,
        "unknown_orders": 1,
        "owner": None,
        "summary": "2 orders sent",
        "config_hash": "a" * 64,
        "flattening": False,
        "override": None,
        "commands": [],
        "approvals": [],
    }


def test_status_for_people(cli: Cli, ran: Path) -> None:
    told = cli("status", ran).out
    said = (
        "Portfolio treasury: trading allowed (RUN), equity 100,000.50, as of 2025-06-02 12:00:00Z"
    )
    assert said in told
    assert "no daemon is running now\n" in told
    assert "Last cycle: 2 orders sent" in told
    (row,) = [line for line in told.splitlines() if line.split()[:1] == ["BTC"]]
    assert " ".join(row.split()) == "BTC 70.0 % 61.2 % 60.0 % ±5.0 pp"
    assert "none  104,167.19  4,166.69  4.0 %  slow at 5.0 %" in told
    assert "Strategy half wants -0.35 BTC in futures" in told
    assert "Position BTC/USDT:USDT on main: -0.4 BTC, of which -0.1 is not ours" in told
    assert "Working orders: 1, 1 without a proven outcome" in told
    assert "Alerts not delivered: 1 waiting, 0 given up." in told


def test_status_tells_of_venues_that_want_a_pause(cli: Cli, ran: Path, tmp_path: Path) -> None:
    until = WallClock().now().replace(microsecond=0) + timedelta(hours=1)

    async def keep() -> None:
        store = connect(f"sqlite:///{tmp_path}/here.db").store
        await store.open()
        await store.keep_pauses("main", {"demo/futures": until, "demo/spot": AT})
        await store.close()

    asyncio.run(keep())
    (pause,) = cli("status", ran, "--json").json["pauses"]
    assert (pause["venue"], pause["api"]) == ("main", "futures")
    said = f"main (futures) wants not to be asked before {shown_at(until)}."
    assert said in cli("status", ran).out


def test_status_names_who_writes(cli: Cli, ran: Path, tmp_path: Path) -> None:
    lease = FileLease(f"sqlite:///{tmp_path}/here.db")
    assert asyncio.run(lease.acquire())
    owner = cli("status", ran, "--json").json["portfolios"][0]["owner"]
    assert owner == f"process {lease.holder}"
    asyncio.run(lease.release())


def test_an_age_in_market_time_is_unknown(cli: Cli, ran: Path) -> None:
    text = ran.read_text()
    local = "environment: local\n    url: http://127.0.0.1:9000\n    clock: venue"
    ran.write_text(text.replace("environment: demo", local))
    assert cli("status", ran, "--json").json["portfolios"][0]["age_s"] is None


def test_a_portfolio_that_is_not_there_is_bad_usage(cli: Cli, ran: Path) -> None:
    for command in ("status", "orders", "journal"):
        told = cli(command, ran, "--portfolio", "other")
        assert told.code == 2
        assert "--portfolio: expected treasury, was 'other'" in told.err


def test_a_database_of_another_version_is_3(cli: Cli, ran: Path) -> None:
    assert cli("db", "downgrade", ran, "--to", "base", "--yes").code == 0
    for command in ("status", "orders", "journal"):
        told = cli(command, ran)
        assert (told.code, told.out) == (3, "")
        assert "counterpoise db upgrade" in told.err


def test_orders_as_json_are_newest_first(cli: Cli, ran: Path) -> None:
    orders = cli("orders", ran, "--json").json["orders"]
    assert {o["client_order_id"] for o in orders} == {"cpold", "cpopen", "cplost"}
    lost = next(o for o in orders if o["client_order_id"] == "cplost")
    assert (lost["state"], lost["reason"], lost["qty"]) == ("UNKNOWN", "timeout", "0.1")
    assert lost["created_at"] == "2025-06-02T12:00:00.000Z"
    assert lost["portfolio"] == "treasury"
    working = cli("orders", ran, "--open", "--json").json["orders"]
    assert {o["client_order_id"] for o in working} == {"cpopen", "cplost"}
    assert len(cli("orders", ran, "--limit", "1", "--json").json["orders"]) == 1


async def _commit(tmp_path: Path, changes: Changes) -> None:
    record = connect(f"sqlite:///{tmp_path}/here.db")
    await record.store.open()
    await record.store.commit(changes)
    await record.store.close()


def test_orders_tell_their_limit_and_what_was_paid(
    cli: Cli, ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = make_order(
        client_order_id="cptwo", state=OrderState.FILLED, venue_order_id="v2", created_at=AT,
        qty=dec("0.3"), filled_qty=dec("0.3"), booked_qty=dec("0.3"),
    )  # fmt: skip
    parts = [("t1", "0.1", "100100"), ("t2", "0.2", "100200")]
    fills = tuple(
        make_fill(trade_id=id_, qty=dec(qty), price=dec(price), venue_order_id="v2")
        for id_, qty, price in parts
    )
    asyncio.run(_commit(tmp_path, Changes(portfolio="treasury", orders=(order,), fills=fills)))
    found = {o["client_order_id"]: o for o in cli("orders", ran, "--json").json["orders"]}
    assert (found["cptwo"]["price"], found["cptwo"]["average"]) == ("100000", "100166.666667")
    assert found["cpopen"]["average"] is None
    monkeypatch.setenv("COLUMNS", "160")
    (row,) = [line for line in cli("orders", ran).out.splitlines() if "cptwo" in line]
    assert "100,000" in row
    assert "100,166.67" in row


def test_an_order_that_was_held_back_was_refused_by_nobody(
    cli: Cli, ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = make_order(
        client_order_id="cpback",
        state=OrderState.REJECTED,
        reason="not sent: an earlier rung is unproven",
        created_at=AT,
    )
    asyncio.run(_commit(tmp_path, Changes(portfolio="treasury", orders=(order,))))
    monkeypatch.setenv("COLUMNS", "160")
    (row,) = [line for line in cli("orders", ran).out.splitlines() if "cpback" in line]
    assert "REJECTED" not in row
    assert row.count("not sent") == 2, "as its state and in its reason"


def test_orders_for_people(cli: Cli, ran: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    told = cli("orders", ran).out
    (row,) = [line for line in told.splitlines() if "cplost" in line]
    assert "UNKNOWN" in row
    assert "timeout" in row
    assert "100,000" in row


@pytest.mark.parametrize(("columns", "option"), [("80", ""), ("80", "--long"), ("130", "")])
def test_orders_on_a_narrow_terminal_keep_what_matters_whole(
    cli: Cli, ran: Path, monkeypatch: pytest.MonkeyPatch, columns: str, option: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    told = cli("orders", ran, *option.split()).out
    (row,) = [line for line in told.splitlines() if "UNKNOWN" in line]
    if columns == "80" and not option:
        assert row.split() == [
            "06-02",
            "12:00",
            "BTC/USDT:USDT",
            "sell",
            "0.1",
            "0",
            "100,000",
            "-",
            "UNKNOWN",
        ]
        assert told.splitlines()[-1] == "Ids and reasons: --long"
        assert max(map(len, told.splitlines())) <= 80
    elif columns == "80":
        # paragraphs, in which nothing is cut
        assert "id cplost" in told
        assert "reason timeout" in told
        assert max(map(len, told.splitlines())) <= 80
    else:
        assert row.endswith("cplost")
        assert "timeout" in row
        assert "2025-06-02 12:00:00" in row


def test_a_cycle_that_left_orders_working_waits_for_them(
    cli: Cli, ran: Path, tmp_path: Path
) -> None:
    async def wait(keeps: int) -> None:
        record = connect(f"sqlite:///{tmp_path}/here.db")
        await record.store.open()
        row = JournalRow(
            portfolio="treasury", cycle_id=f"w{keeps}", at=AT + timedelta(minutes=keeps + 1),
            summary="nothing to do", document={**DOCUMENT, "keeps": [{}] * keeps},
        )  # fmt: skip
        await record.store.commit(Changes(portfolio="treasury", journal=row))
        await record.store.close()

    for keeps, told in (
        (0, "nothing to do"),
        (1, "waiting on 1 order"),
        (4, "waiting on 4 orders"),
    ):
        asyncio.run(wait(keeps))
        assert f"Last cycle: {told}\n" in cli("status", ran).out
        assert cli("journal", ran, "--json").json["cycles"][0]["summary"] == told


def test_journal(cli: Cli, ran: Path) -> None:
    cycles = cli("journal", ran, "--json").json["cycles"]
    assert [c["cycle_id"] for c in cycles] == ["c2", "c1"]
    assert cycles[0]["weights"] == DOCUMENT["weights"]
    assert cycles[0]["at"] == "2025-06-02T12:00:00.000Z"
    assert len(cli("journal", ran, "--limit", "1", "--json").json["cycles"]) == 1
    told = cli("journal", ran).out
    assert told.index("2 orders sent") < told.index("nothing to do")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("orders", "No orders.\n"),
        ("orders --open", "No working orders.\n"),
        ("journal", "No cycle is recorded yet.\n"),
    ],
)
def test_nothing_to_tell_is_said(cli: Cli, config: Config, command: str, told: str) -> None:
    config()
    assert cli(*command.split()).out == told


def test_a_database_is_made_looked_at_copied_and_taken_down(
    cli: Cli, config: Config, tmp_path: Path
) -> None:
    config()
    url = f"sqlite:///{tmp_path}/here.db"
    for command in (["current"], ["size"], ["downgrade", "--yes"], ["backup", "copy.db"]):
        missing = cli("db", *command)
        assert (missing.code, missing.out) == (1, "")
        assert "here.db: no store there yet: `counterpoise run` creates it" in missing.err
    assert cli("db", "upgrade").out == f"{url}: schema {SCHEMA}\n"
    current = cli("db", "current", "--json").json
    assert current == {"schema": 1, "store": url, "revision": SCHEMA, "needed": SCHEMA}
    assert cli("db", "current").out == f"{url}: schema {SCHEMA}, as needed\n"
    size = cli("db", "size", "--json").json
    assert size["database_bytes"] > 0
    assert size["rows"]["orders"] == 0
    assert "orders: 0 rows" in cli("db", "size").out
    assert cli("db", "backup", "copy.db").code == 0
    assert (tmp_path / "copy.db").is_file()
    again = cli("db", "backup", "copy.db")
    assert again.code == 1
    assert cli("db", "downgrade", "--to", "base", "--yes").out == f"{url}: schema none\n"


@pytest.mark.parametrize(
    ("to", "asked"),
    [
        ("-1", "Take the schema of {url} back by 1 revision? Rows may be lost."),
        ("-2", "Take the schema of {url} back by 2 revisions? Rows may be lost."),
        ("0001", "Take the schema of {url} to revision 0001? Rows may be lost."),
        ("base", "Drop every table of {url}, with all rows?"),
    ],
)
def test_going_down_asks_in_plain_words(ran: Path, tmp_path: Path, to: str, asked: str) -> None:
    done = CliRunner().invoke(app, ["db", "downgrade", "-c", str(ran), "--to", to], input="n\n")
    assert done.exit_code == 1
    assert asked.format(url=f"sqlite:///{tmp_path}/here.db") in done.stderr


def test_a_schema_is_not_changed_under_a_daemon(cli: Cli, ran: Path, tmp_path: Path) -> None:
    lease = FileLease(f"sqlite:///{tmp_path}/here.db")
    assert asyncio.run(lease.acquire())
    for command in (["upgrade"], ["downgrade", "--yes"]):
        told = cli("db", *command, "-c", ran)
        assert (told.code, told.out) == (3, "")
        assert "is running on this database: stop it first" in told.err
    asyncio.run(lease.release())
