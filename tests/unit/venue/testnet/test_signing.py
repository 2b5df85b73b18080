"""Who is let in, and when: Binance's window, widened where the market stands still."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.testnet.binance import BinanceDialect
from counterpoise.venue.testnet.http import Request, Response
from tests.unit.venue.testnet.small import BALANCE, NOW_MS, Caller
from tests.unit.venue.testnet.small import exchange as small_exchange

PATH = "/api/v3/account"


def sign(secret: str, payload: str) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def ask(
    caller: Caller, payload: str, *, signature: str | None = None, elapsed_ms: int = 0
) -> Response:
    mark = sign(caller.secret, payload) if signature is None else signature
    return caller.handler.handle(
        Request(
            method="GET",
            path=PATH,
            query=f"{payload}&signature={mark}",
            headers={"x-mbx-apikey": caller.api_key},
            elapsed_ms=elapsed_ms,
        )
    )


def code_of(response: Response) -> int:
    body = json.loads(response.body)
    return body["code"] if response.status != 200 else 0


@pytest.mark.parametrize(
    ("offset_ms", "window", "code"),
    [
        (0, None, 0),
        (-5_000, None, 0),
        (-5_001, None, -1021),
        (999, None, 0),
        (1_000, None, -1021),
        (-60_000, 60_000, 0),
        (-60_001, 60_000, -1021),
        (0, 60_001, -1131),
        (-1, 0, -1021),
        (0, 0, 0),
    ],
)
def test_a_request_is_in_time_from_its_window_before_to_a_second_after(
    caller: Caller, offset_ms: int, window: int | None, code: int
) -> None:
    payload = f"timestamp={NOW_MS + offset_ms}"
    if window is not None:
        payload += f"&recvWindow={window}"
    assert code_of(ask(caller, payload)) == code


@pytest.mark.parametrize(
    ("offset_ms", "elapsed_ms", "code"),
    [
        (90_000, 90_000, 0),
        (45_000, 90_000, 0),
        (0, 90_000, 0),
        (90_999, 90_000, 0),
        (91_000, 90_000, -1021),
        (-5_001, 90_000, -1021),
    ],
)
def test_where_the_market_stands_every_instant_since_counts_as_now(
    caller: Caller, offset_ms: int, elapsed_ms: int, code: int
) -> None:
    response = ask(caller, f"timestamp={NOW_MS + offset_ms}", elapsed_ms=elapsed_ms)
    assert code_of(response) == code


def test_speed_multiplies_the_window() -> None:
    exchange = small_exchange()
    keys = exchange.open_account(BALANCE)
    fast = Caller(BinanceDialect(exchange, window_scale=60), exchange, keys.api_key, keys.secret)
    assert code_of(ask(fast, f"timestamp={NOW_MS - 300_000}")) == 0
    assert code_of(ask(fast, f"timestamp={NOW_MS - 300_001}")) == -1021


def test_late_and_early_are_told_apart(caller: Caller) -> None:
    late = json.loads(ask(caller, f"timestamp={NOW_MS - 6_000}").body)["msg"]
    early = json.loads(ask(caller, f"timestamp={NOW_MS + 6_000}").body)["msg"]
    assert late == "Timestamp for this request is outside of the recvWindow."
    assert early == "Timestamp for this request was 1000ms ahead of the server's time."


def test_a_signature_of_other_text_is_refused(caller: Caller) -> None:
    good = sign(caller.secret, f"timestamp={NOW_MS}")
    response = ask(caller, f"timestamp={NOW_MS}&recvWindow=5000", signature=good)
    assert (response.status, code_of(response)) == (400, -1022)


def test_a_signature_in_capitals_is_the_same(caller: Caller) -> None:
    payload = f"timestamp={NOW_MS}"
    assert code_of(ask(caller, payload, signature=sign(caller.secret, payload).upper())) == 0


def test_a_signature_covers_query_then_body_without_a_joint(caller: Caller) -> None:
    query, body = "symbol=BTCUSDT&side=BUY", f"type=MARKET&quantity=0.01&timestamp={NOW_MS}"
    request = Request(
        method="POST",
        path="/api/v3/order",
        query=query,
        body=f"{body}&signature={sign(caller.secret, query + body)}",
        headers={"x-mbx-apikey": caller.api_key},
    )
    assert caller.handler.handle(request).status == 200
    joined = replace(request, body=f"{body}&signature={sign(caller.secret, f'{query}&{body}')}")
    assert code_of(caller.handler.handle(joined)) == -1022


@pytest.mark.parametrize(
    ("key", "status", "code", "msg"),
    [
        (None, 401, -2014, "API-key format invalid."),
        ("bad key!", 401, -2014, "API-key format invalid."),
        ("a" * 64, 401, -2015, "Invalid API-key, IP, or permissions for action."),
    ],
)
def test_keys(caller: Caller, key: str | None, status: int, code: int, msg: str) -> None:
    headers = {} if key is None else {"x-mbx-apikey": key}
    query = f"timestamp={NOW_MS}&signature=00"
    response = caller.handler.handle(Request(method="GET", path=PATH, query=query, headers=headers))
    assert (response.status, json.loads(response.body)) == (status, {"code": code, "msg": msg})


@pytest.mark.parametrize(
    ("query", "name"), [("signature=00", "timestamp"), (f"timestamp={NOW_MS}", "signature")]
)
def test_missing_parts_are_named(caller: Caller, query: str, name: str) -> None:
    response = caller.handler.handle(
        Request(method="GET", path=PATH, query=query, headers={"x-mbx-apikey": caller.api_key})
    )
    body = json.loads(response.body)
    assert (body["code"], f"'{name}'" in body["msg"]) == (-1102, True)


@given(
    offset=st.integers(-200_000, 200_000),
    window=st.integers(0, 60_000),
    elapsed=st.integers(0, 100_000),
)
def test_acceptance_is_the_documented_rule_for_some_instant_since_the_clock_moved(
    offset: int, window: int, elapsed: int
) -> None:
    exchange = _EXCHANGE
    caller = _CALLER
    response = ask(caller, f"timestamp={NOW_MS + offset}&recvWindow={window}", elapsed_ms=elapsed)
    # Binance's rule, at the two ends and at the caller's own instant between them
    instants = {NOW_MS, NOW_MS + elapsed, min(max(NOW_MS + offset, NOW_MS), NOW_MS + elapsed)}
    fits = any(s - window <= NOW_MS + offset < s + 1_000 for s in instants)
    assert (code_of(response) == 0) == fits
    assert exchange.now.timestamp() * 1_000 == NOW_MS


_EXCHANGE: SimExchange = small_exchange()
_KEYS = _EXCHANGE.open_account(BALANCE)
_CALLER = Caller(BinanceDialect(_EXCHANGE), _EXCHANGE, _KEYS.api_key, _KEYS.secret)


def test_an_advance_puts_old_requests_out_of_time(caller: Caller, exchange: SimExchange) -> None:
    exchange.advance(dec(60))
    assert code_of(ask(caller, f"timestamp={NOW_MS}")) == -1021
