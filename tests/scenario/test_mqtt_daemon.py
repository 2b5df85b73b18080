"""The daemon as people run it, beside a real broker and a real monitor: what a plain ``mosquitto_sub`` sees of it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.broker import PASSWORD, USER, Broker, Ear, wait_until
from tests.scenario.processes import Desk, Testnet, make_desk

PING = "/ping/fake-token-of-a-ping"
ALERTS = """\
alerts:
  mqtt:
    host: 127.0.0.1
    port: {port}
    user: {user}
    password_file: password
    rate: 1000
    tls: {{ca_file: {ca}}}
  heartbeat: {{url: 'http://127.0.0.1:{monitor}{ping}', every: 1s}}
portfolios:"""


@pytest.fixture
def monitor() -> Iterator[ThreadingHTTPServer]:
    """Something that counts pings."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.pings.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.pings = []
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def desk_with(broker: Broker, monitor: ThreadingHTTPServer, testnet: Testnet, folder: Path) -> Desk:
    alerts = ALERTS.format(
        port=broker.port, user=USER, ca=broker.ca, monitor=monitor.server_address[1], ping=PING
    )
    desk = make_desk(folder, testnet, [("portfolios:", alerts)])
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o600)
    return desk


def test_a_daemon_that_is_killed_is_offline_and_what_it_was_told_is_heard(
    tmp_path: Path, monitor: ThreadingHTTPServer
) -> None:
    with Broker(tmp_path / "broker") as broker, Testnet() as testnet:
        desk = desk_with(broker, monitor, testnet, tmp_path / "desk")
        with Ear(broker, tmp_path) as ear:
            daemon = desk.daemon()
            wait_until(lambda: ear.last("counterpoise/availability") == "online", "it is online")
            wait_until(lambda: monitor.pings, "it pings")
            wait_until(
                lambda: any("/event/hedge_opened" in h.topic for h in ear.heard), "a hedge is told"
            )
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
            wait_until(lambda: ear.last("counterpoise/availability") == "offline", "the last will")
            heard = ear.heard
    events = {h.document["kind"]: h.document for h in heard if "/event/" in h.topic}
    assert {"started", "hedge_opened"} <= set(events)
    opened = events["hedge_opened"]
    assert len(opened["ids"]) == 1
    assert (opened["severity"], opened["portfolio"]) == ("info", "book")
    states = [h.document for h in heard if h.topic == "counterpoise/book/state"]
    assert states[-1]["state"] == "RUN"
    assert set(states[-1]["weights"]) == {"BTC", "ETH", "USDT"}
    assert any(h["strategy"] == "half-btc" for h in states[-1]["hedges"])
    assert states[-1]["margin"]["distance"] is not None
    cards = {h.topic for h in heard if h.topic.startswith("homeassistant/")}
    assert "homeassistant/sensor/counterpoise_book/equity/config" in cards
    assert set(monitor.pings) == {PING}
    told = desk.log + "".join(h.payload for h in heard)
    assert PASSWORD not in told
    assert "fake-token-of-a-ping" not in told
    assert "Traceback" not in told
