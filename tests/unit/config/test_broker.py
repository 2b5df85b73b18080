from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from counterpoise.config import load
from counterpoise.domain.access import BrokerAccess, HeartbeatAccess, Secret, TlsAccess
from counterpoise.domain.errors import ConfigError
from counterpoise.domain.routing import DEFAULT_RATE, SinkPolicy
from tests.unit.config.good import ENV, Load, Write

WORD = "fake-password-of-a-test"
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBfjCCASWgAwIBAgIUKCyr9f8GMc1pbPaDyc1XQ4Yn1bIwCgYIKoZIzj0EAwIw
-----END CERTIFICATE-----
"""


def alerts(text: str) -> tuple[str, str]:
    return ("store: ", f"alerts:\n  {text}\nstore: ")


def test_a_host_is_enough(loaded: Load) -> None:
    settings = loaded(alerts("mqtt: {host: localhost}"))
    assert settings.alerts.mqtt == BrokerAccess(host="localhost", port=1883)
    assert settings.alerts.policies["mqtt"] == SinkPolicy(rate=DEFAULT_RATE)
    assert settings.warnings == ()


def test_everything_that_can_be_said(write: Write, tmp_path: Path) -> None:
    (tmp_path / "word").write_text(f"{WORD}\n")
    (tmp_path / "word").chmod(0o600)
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("-----BEGIN FAKE-----\n")
    written = (
        "mqtt: {host: broker.lan, prefix: home/cp, discovery: off, user: me, password_file: word,"
        " tls: {cert_file: cert.pem, key_file: key.pem}, rate: 60, routing: {info: silent}}"
    )
    settings = load(write(alerts(written)), ENV)
    assert settings.alerts.mqtt == BrokerAccess(
        host="broker.lan",
        port=8883,
        prefix="home/cp",
        discovery=None,
        user="me",
        password=Secret(WORD),
        tls=TlsAccess(cert_file=str(tmp_path / "cert.pem"), key_file=str(tmp_path / "key.pem")),
    )
    assert settings.alerts.policies["mqtt"].rate == 60
    assert Secret(WORD) in settings.secrets
    assert WORD not in repr(settings)


def test_tls_by_whom_the_system_trusts(loaded: Load) -> None:
    broker = loaded(alerts("mqtt: {host: broker.lan, tls: on}")).alerts.mqtt
    assert broker == BrokerAccess(host="broker.lan", port=8883, tls=TlsAccess())
    assert loaded(alerts("mqtt: {host: b, tls: off, port: 1884}")).alerts.mqtt == BrokerAccess(
        host="b", port=1884
    )


@pytest.mark.parametrize(("host", "warned"), [("10.0.0.1", True), ("127.0.0.1", False)])
def test_a_password_in_the_clear_is_warned_of(loaded: Load, host: str, warned: bool) -> None:
    written = alerts(f"mqtt: {{host: {host}, user: me, password: '${{KEY}}'}}")
    told = loaded(written).warnings
    assert [("goes over the network" in w) for w in told] == ([True] if warned else [])


ROWS = {
    "mqtt: {}": "alerts.mqtt.host: expected the broker's name or address, such as localhost, was missing",
    "mqtt: {host: 'mqtt://x'}": (
        "alerts.mqtt.host: expected a host such as localhost or 192.168.1.5, was 'mqtt://x';"
        " only the host: the port has a key of its own"
    ),
    "mqtt: {host: 'x:1883'}": (
        "alerts.mqtt.host: expected a host such as localhost or 192.168.1.5, was 'x:1883';"
        " only the host: the port has a key of its own"
    ),
    "mqtt: {host: x, port: 70000}": "alerts.mqtt.port: expected a port from 1 to 65535, was 70000",
    "mqtt: {host: x, port: 0}": "alerts.mqtt.port: expected a port from 1 to 65535, was 0",
    "mqtt: {host: x, prefix: 'a/#'}": (
        "alerts.mqtt.prefix: expected the beginning of a topic such as counterpoise or"
        " home/counterpoise, was 'a/#'; + and # stand for any topic"
    ),
    "mqtt: {host: x, prefix: a/}": (
        "alerts.mqtt.prefix: expected the beginning of a topic such as counterpoise or"
        " home/counterpoise, was 'a/'; no / at either end, no empty part, no $ in front"
    ),
    "mqtt: {host: x, tls: true}": (
        "alerts.mqtt.tls: expected on, off, or files such as {ca_file: ca.pem}, was true"
    ),
    "mqtt: {host: x, tls: {ca_file: none.pem}}": (
        "alerts.mqtt.tls.ca_file: expected a readable file in PEM, was missing: none.pem"
    ),
    "mqtt: {host: x, tls: {ca_file: secret}}": (
        "alerts.mqtt.tls.ca_file: expected a readable file in PEM, was something else: secret"
    ),
    "mqtt: {host: x, tls: {ca_file: bad.pem}}": (
        "alerts.mqtt.tls.ca_file: expected certificates in PEM, was something else: bad.pem"
    ),
    "mqtt: {host: x, tls: {key_file: bad.pem}}": (
        "alerts.mqtt.tls.cert_file: expected the certificate that key_file belongs to, was missing"
    ),
    "mqtt: {host: x, user: me, pasword: y}": (
        "alerts.mqtt.pasword: expected a known key (did you mean 'password'?), was 'pasword'"
    ),
    "mqtt: {host: x, password: '${KEY}'}": (
        "alerts.mqtt.password: expected user beside it, was 'password'; add user"
    ),
    "heartbeat: {}": "alerts.heartbeat.url: expected url (best as ${NAME}) or url_file, was missing",
    "heartbeat: {url: '${KEY}'}": (
        "alerts.heartbeat.url: expected an address such as https://example.org/ping/1234, was"
        " something else (its value is not shown)"
    ),
    "heartbeat: {url: 'https://x/y', every: 60}": (
        "alerts.heartbeat.every: expected a duration of at least 1s, such as 30s, 2m, 8h or 1d, was 60;"
        " the unit s, m, h or d is missing"
    ),
}


@pytest.mark.parametrize("written", ROWS)
def test_what_is_wrong_is_told_where_it_stands(written: str, write: Write, tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text(CERTIFICATE)
    with pytest.raises(ConfigError) as told:
        load(write(alerts(written)), ENV)
    (problem,) = told.value.problems
    place, _, rest = problem.partition(" ")
    assert place.startswith("c.yaml:2:")
    assert rest == ROWS[written]


def test_a_heartbeat(write: Write, tmp_path: Path) -> None:
    url = "https://monitor.lan/ping/fake-token"
    (tmp_path / "url").write_text(f"{url}\n")
    (tmp_path / "url").chmod(0o600)
    settings = load(write(alerts("heartbeat: {url_file: url, every: 5m}")), ENV)
    every = timedelta(minutes=5)
    assert settings.alerts.heartbeat == HeartbeatAccess(url=Secret(url), every=every)
    assert Secret(url) in settings.secrets
    assert "fake-token" not in repr(settings)
    usual = load(write(alerts("heartbeat: {url: '${KEY}'}")), {"KEY": url}).alerts.heartbeat
    assert usual == HeartbeatAccess(url=Secret(url), every=timedelta(minutes=1))
