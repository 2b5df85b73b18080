"""A private Mosquitto with passwords and TLS, and what a plain ``mosquitto_sub`` hears from it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from counterpoise.domain.access import BrokerAccess, Secret, TlsAccess

USER, PASSWORD = "counterpoise", "fake-password-of-a-broker"
PATIENCE_S = 30
#: Debian keeps the broker where only root looks.
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
_PROGRAMS = ("mosquitto", "mosquitto_passwd", "mosquitto_sub", "openssl")


def program(name: str) -> str:
    """Return where a program is; skips the test where it is not installed."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        pytest.skip(f"needs {name}: apt-get install mosquitto mosquitto-clients openssl")
    return found


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Poll until ``condition`` holds; fail with ``what`` after PATIENCE_S."""
    give_up = time.monotonic() + PATIENCE_S  # noqa: TID251 - real processes live on the wall clock
    while not condition():
        if time.monotonic() > give_up:  # noqa: TID251 - as above
            raise AssertionError(f"gave up waiting: {what}")
        time.sleep(0.01)  # noqa: TID251 - as above


class Broker:
    """The broker, with TLS at ``port`` and without at ``plain_port``; its data survive a restart.

    Use as a context manager.
    """

    def __init__(self, folder: Path) -> None:
        for name in _PROGRAMS:
            program(name)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe, socket.socket() as another:
            probe.bind(("127.0.0.1", 0))
            another.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
            self.plain_port: int = another.getsockname()[1]
        self.ca = folder / "broker.crt"
        self.process: subprocess.Popen[bytes] | None = None
        self._make_certificate()
        _done("mosquitto_passwd", "-b", "-c", str(folder / "passwords"), USER, PASSWORD)
        (folder / "mosquitto.conf").write_text(self._config(), encoding="utf-8")

    def _make_certificate(self) -> None:
        _done(
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=a broker of a test"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-out", str(self.ca)),
            *("-keyout", str(self._folder / "broker.key")),
        )

    def _config(self) -> str:
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"certfile {self.ca}",
            f"keyfile {self._folder / 'broker.key'}",
            f"listener {self.plain_port} 127.0.0.1",
            f"password_file {self._folder / 'passwords'}",
            "allow_anonymous false",
            # what a subscriber has not had yet outlives a kill
            "persistence true",
            f"persistence_location {self._folder}/",
            "autosave_on_changes true",
            "autosave_interval 1",
            f"log_dest file {self._folder / 'mosquitto.log'}",
        ]
        if os.geteuid() == 0:
            lines.append("user root")
        return "\n".join(lines) + "\n"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        config = str(self._folder / "mosquitto.conf")
        self.process = subprocess.Popen([program("mosquitto"), "-c", config])
        wait_until(self._listens, "the broker listens")

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self._folder / "mosquitto.log").read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def kill(self) -> None:
        """Kill it where it stands; safe to call twice."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def hang(self) -> None:
        """Let it hang: it keeps its connections, and says nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End the hang."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def access(self, **changes: Any) -> BrokerAccess:
        """Return how it is reached."""
        made: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "prefix": "cp",
            "user": USER,
            "password": Secret(PASSWORD),
            "tls": TlsAccess(ca_file=str(self.ca)),
        }
        return BrokerAccess(**(made | changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One message, as it came; ``retained``: it was there before the subscription."""

    topic: str
    payload: str
    retained: bool

    @property
    def document(self) -> dict[str, Any]:
        """The payload as a JSON object."""
        found: dict[str, Any] = json.loads(self.payload)
        return found


class Ear:
    """``mosquitto_sub`` on every topic, with a session that outlives the broker; use as a context manager."""

    def __init__(self, broker: Broker, folder: Path, *topics: str) -> None:
        self._broker, self._file = broker, folder / "heard"
        self._topics = topics or ("#",)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        topics = [word for topic in self._topics for word in ("-t", topic)]
        with self._file.open("wb") as out:
            self._process = subprocess.Popen(
                [
                    # it ends when the connection does
                    *("/bin/sh", "-c", 'while :; do "$@"; sleep 0.1; done', "sh"),
                    *(program("mosquitto_sub"), "-h", "127.0.0.1", "-p", str(self._broker.port)),
                    *("-u", USER, "-P", PASSWORD, "--cafile", str(self._broker.ca)),
                    *("-q", "1", "-c", "-i", "ear", "-F", "%r %t %p", *topics),
                ],
                stdout=out,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def heard(self) -> list[Heard]:
        """What came so far."""
        return list(self._read())

    def last(self, topic: str) -> str | None:
        """Return what a topic said last."""
        return next((h.payload for h in reversed(self.heard) if h.topic == topic), None)

    def _read(self) -> Iterator[Heard]:
        for line in self._file.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                retained, topic, payload = line.rstrip("\n").split(" ", 2)
                yield Heard(topic=topic, payload=payload, retained=retained == "1")


def _done(*command: str) -> None:
    name, *rest = command
    done = subprocess.run([program(name), *rest], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
