from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from counterpoise.app.logs import LogFormat, Redactor, redactor, set_up
from counterpoise.domain.access import Secret
from counterpoise.domain.numbers import dec

KEY = "sentinel-key-6f1e+/=2a"
SECRET = "sentinel-secret-90ab"
STYLES = [LogFormat.JSON, LogFormat.CONSOLE]


@pytest.fixture(autouse=True)
def _put_logging_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, known = root.handlers[:], root.level, set(redactor._values)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    redactor._values = known
    structlog.reset_defaults()


def logged(style: LogFormat, *, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    set_up(level=level, style=style, stream=stream, secrets=[Secret(KEY), Secret(SECRET)])
    return stream


def sign(api_key: str, secret: str) -> str:
    local = {"apiKey": api_key, "secret": secret}
    raise ValueError(f"cannot sign {len(local)} things with {secret}")


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_a_utc_time() -> None:
    stream = logged(LogFormat.JSON)
    structlog.get_logger("counterpoise.test").info("placed", qty=dec("0.10"), symbol="BTC/USDT")
    (line,) = lines(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("logged_at"))
    assert line == {
        "event": "placed",
        "level": "info",
        "logger": "counterpoise.test",
        "qty": "0.1",
        "symbol": "BTC/USDT",
    }


def test_a_terminal_gets_readable_lines_and_a_pipe_gets_json() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        set_up(stream=stream)
        structlog.get_logger().info("placed")
    assert "placed" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    assert lines(pipe)[0]["event"] == "placed"


def test_a_line_for_people_is_the_sentence_and_what_helps_to_read_it() -> None:
    stream = logged(LogFormat.CONSOLE)
    structlog.get_logger("counterpoise.alerts").warning(
        "Hedge of BTC opened",
        portfolio="treasury",
        kind="hedge_opened",
        at="2026-01-05 12:00:00Z",
        alert_id="abc",
        key="hold:stale",
        cleared=False,
        why="two words",
        nothing=None,
    )
    logging.getLogger("some.library").info("connected")
    ours, theirs = stream.getvalue().splitlines()
    when, _, rest = ours.partition("Z ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", when)
    assert rest == 'warning Hedge of BTC opened portfolio=treasury why="two words"'
    assert theirs.endswith("Z info connected from=some.library")


def test_a_line_in_json_keeps_everything() -> None:
    stream = logged(LogFormat.JSON)
    fields = {"kind": "k", "at": "t", "alert_id": "a", "key": "c", "cleared": True}
    structlog.get_logger("counterpoise.alerts").info("told", **fields)
    (line,) = lines(stream)
    assert fields.items() <= line.items()


def test_no_text_fakes_a_line_or_steers_the_terminal() -> None:
    stream = logged(LogFormat.CONSOLE)
    structlog.get_logger("counterpoise").info("a\n2026 fake\x1b[2J", said="b\r\nc\x1b[1m")
    (line,) = stream.getvalue().splitlines()
    assert line.isprintable()
    assert line.endswith('info a 2026 fake [2J said="b c [1m"')


@pytest.mark.parametrize("style", STYLES)
def test_a_traceback_shows_no_local_and_no_secret_in_its_text(style: LogFormat) -> None:
    stream = logged(style)
    try:
        sign(KEY, SECRET)
    except ValueError:
        structlog.get_logger().exception("signing_failed")
        logging.getLogger("some.library").exception("signing failed with %s", SECRET)
    shown = stream.getvalue()
    assert shown.count("ValueError") >= 2
    assert "cannot sign 2 things with ***" in shown
    assert "sentinel" not in shown


@pytest.mark.parametrize("style", STYLES)
def test_a_task_that_dies_unwatched_tells_no_secret(style: LogFormat) -> None:
    stream = logged(style)

    async def lose_a_task() -> None:
        loop = asyncio.get_running_loop()
        try:
            sign(KEY, SECRET)
        except ValueError as error:
            loop.call_exception_handler({"message": "task died", "exception": error})

    asyncio.run(lose_a_task())
    assert "task died" in stream.getvalue()
    assert "sentinel" not in stream.getvalue()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": "x1"},
        {"apiKey": "x1"},
        {"secret": "x1"},
        {"PASSWORD": "x1"},
        {"headers": {"X-MBX-APIKEY": "x1", "Authorization": "Bearer x1"}},
        {"body": [{"token": "x1"}]},
        {"url": "https://exchange.invalid/order?symbol=BTC&signature=x1&timestamp=5"},
        {"said": "{'X-MBX-APIKEY': 'x1', 'signature': 'x1'}"},
        {"said": b'{"secret": "x1"}'},
        {"said": "Authorization: Bearer x1"},
        {"what": f"plain {KEY} here"},
        {"what": {"deep": [f"{SECRET}"]}},
        {"error": ValueError(f"refused {SECRET}")},
        {"url": "https://exchange.invalid/?key=sentinel-key-6f1e%2B%2F%3D2a"},
    ],
)
def test_no_secret_is_logged(style: LogFormat, fields: dict[str, Any]) -> None:
    stream = logged(style)
    structlog.get_logger().warning("told", **fields)
    shown = stream.getvalue()
    assert "told" in shown
    assert "***" in shown
    assert "x1" not in shown
    assert "sentinel" not in shown


def test_what_is_no_secret_stays_readable() -> None:
    stream = logged(LogFormat.JSON)
    structlog.get_logger().info(
        "placed",
        client_order_id="cpabc",
        url="https://exchange.invalid/order?symbol=BTC&timestamp=5",
        price=None,
        rungs=5,
        live=True,
        venues={"main": ("BTC", "ETH")},
    )
    (line,) = lines(stream)
    assert line["client_order_id"] == "cpabc"
    assert line["url"] == "https://exchange.invalid/order?symbol=BTC&timestamp=5"
    assert (line["price"], line["rungs"], line["live"]) == (None, 5, True)
    assert line["venues"] == {"main": ["BTC", "ETH"]}


def test_a_library_logs_through_the_same_chain() -> None:
    stream = logged(LogFormat.JSON)
    logging.getLogger("some.library").warning("sent %s", "signature=x1&b=2", extra={"token": "x1"})
    (line,) = lines(stream)
    assert line["event"] == "sent signature=***&b=2"
    assert line["token"] == "***"
    assert line["logger"] == "some.library"


def test_debug_lines_of_ccxt_never_appear_as_they_carry_keys() -> None:
    stream = logged(LogFormat.JSON, level="debug")
    logging.getLogger("ccxt.base.exchange").debug("Request: %s", {"X-MBX-APIKEY": KEY})
    logging.getLogger("aiosqlite").debug("executing %s", KEY)
    logging.getLogger("counterpoise.test").debug("shown")
    assert [line["event"] for line in lines(stream)] == ["shown"]


def test_a_secret_becomes_known_after_logging_was_set_up() -> None:
    stream = logged(LogFormat.JSON)
    redactor.know([Secret("later-sentinel")])
    structlog.get_logger().info("with later-sentinel in it")
    assert lines(stream)[0]["event"] == "with *** in it"


def test_a_very_short_secret_does_not_blank_out_words() -> None:
    known = Redactor()
    known.know([Secret("in")])
    assert known.text("nothing in particular") == "nothing in particular"


def test_setting_up_again_does_not_double_lines() -> None:
    logged(LogFormat.JSON)
    stream = logged(LogFormat.JSON)
    structlog.get_logger().info("once")
    assert len(lines(stream)) == 1
