"""What ``doctor`` says of the sinks: asked of real servers on loopback, and nothing of a secret shown."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from counterpoise.app import sink_checks as checks
from counterpoise.app.diagnosis import Check, Result
from counterpoise.config.settings import AlertSettings
from counterpoise.domain.access import (
    BrokerAccess,
    HeartbeatAccess,
    NotifyAccess,
    Secret,
    TelegramAccess,
    TlsAccess,
    WebhookAccess,
)
from tests.broker import PASSWORD, USER, Broker
from tests.inboxes import CHAT, HANG, TOKEN, BotServer, said

HOOK = Secret("https://example.org/Zk4Xw9Qv7Jp2Lm8R")


def telegram(server: BotServer, token: str = TOKEN) -> TelegramAccess:
    return TelegramAccess(token=Secret(token), base_url=server.url, chats={"telegram:1": CHAT})


async def found(alerts: AlertSettings, *secrets: str) -> list[Check]:
    made = await checks.sink_checks(alerts, tuple(Secret(s) for s in secrets))
    assert {check.name for check in made} <= {"alerts"}
    return made


def advice(check: Check) -> str:
    assert check.advice is not None
    return check.advice


async def test_a_bot_is_asked_for_its_name() -> None:
    async with BotServer().serving() as server:
        (check,) = await found(AlertSettings(telegram=telegram(server)), TOKEN)
    assert check.result is Result.OK
    assert check.text.startswith("telegram: the bot @")
    assert server.taken == []


async def test_a_bot_that_is_not_known_or_does_not_answer_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checks, "PATIENCE_S", 0.3)
    server = BotServer()
    async with server.serving():
        for trouble, told in (
            (said(401, f"Unauthorized {TOKEN}"), "Telegram does not know the bot's token"),
            (HANG, "no answer within 0.3 s"),
        ):
            server.troubles.append(trouble)
            (check,) = await found(AlertSettings(telegram=telegram(server)), TOKEN)
            assert check.result is Result.FAIL
            assert told in check.text
            assert TOKEN.partition(":")[2][:6] not in f"{check}"


# paho leaves the socket of a failed handshake to the collector
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
async def test_a_broker_lets_us_in_or_says_why_not(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        (fine,) = await found(AlertSettings(mqtt=broker.access()), PASSWORD)
        wrong = broker.access(password=Secret("another-password"))
        (refused,) = await found(AlertSettings(mqtt=wrong), "another-password")
        (strange,) = await found(AlertSettings(mqtt=broker.access(tls=None)), PASSWORD)
        at_plain = broker.access(port=broker.plain_port)
        (plain,) = await found(AlertSettings(mqtt=at_plain), PASSWORD)
        nobody = broker.access(user=None, password=None)
        (unnamed,) = await found(AlertSettings(mqtt=nobody))
        unknown = broker.access(tls=TlsAccess())
        (unbelieved,) = await found(AlertSettings(mqtt=unknown), PASSWORD)
    assert (
        fine.text == f"mqtt: the broker at 127.0.0.1:{broker.port} lets us in as {USER}, over TLS"
    )
    where = f"127.0.0.1:{broker.port}"
    assert refused.text == (
        f"mqtt: wrong user or password: the broker at {where} does not let {USER} in"
    )
    assert advice(refused).startswith("correct user or password")
    assert strange.text == f"mqtt: {where} speaks TLS, and we do not"
    assert advice(strange).startswith("add tls: on")
    assert plain.text == f"mqtt: 127.0.0.1:{broker.plain_port} does not speak TLS"
    assert "8883" in advice(plain)
    assert unnamed.text == f"mqtt: the broker at {where} lets nobody in without a name"
    assert unbelieved.text.startswith(f"mqtt: the certificate of {where} is not believed: self-")
    for check in (refused, strange, plain, unnamed, unbelieved):
        assert check.result is Result.FAIL
        assert advice(check).endswith("alerts wait; they are not lost, nor read")
        assert PASSWORD not in f"{check}"


async def test_a_broker_that_is_not_there_is_told() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        access = BrokerAccess(host="127.0.0.1", port=nobody.getsockname()[1])
        (check,) = await found(AlertSettings(mqtt=access))
    assert check.result is Result.FAIL
    assert check.text == f"mqtt: nothing listens at 127.0.0.1:{access.port}"
    assert advice(check).startswith("is the broker running?")


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # Apprise asks for it
async def test_what_would_be_an_alert_is_not_sent_and_addresses_are_read() -> None:
    alerts = AlertSettings(
        webhook=WebhookAccess(url=HOOK, secret=Secret("Yh3+Vb/5Kd=8Tg:1Wn")),
        notify={
            "notify:ntfy": NotifyAccess(url=Secret("ntfy://Gq8Wj3Xt6Zn9"), path="alerts.notify[0]"),
            "notify:x": NotifyAccess(url=Secret("nonsense://Gq8Wj3Xt"), path="alerts.notify[1]"),
        },
        heartbeat=HeartbeatAccess(url=HOOK, every=timedelta(minutes=1)),
    )
    made = await found(alerts)
    assert [check.result for check in made] == [Result.OK, Result.OK, Result.FAIL, Result.OK]
    assert "webhook: not asked" in made[0].text
    assert made[2].advice == "correct alerts.notify[1]"
    for part in ("Zk4Xw9", "Gq8Wj3", "Yh3+Vb"):
        assert part not in "".join(f"{check.row}" for check in made)
    assert await found(replace(alerts, webhook=None, notify={}, heartbeat=None)) == []
