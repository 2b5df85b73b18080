"""What every test gets: the way to the reference data, a closed network, and strict skips under CI.

A test that needs something from outside the repository skips with a reason that begins with
``needs``. On a developer's machine that is fine; with ``CI=true`` it is a failure, so that a
missing service never passes for a green run.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Generator

REPO = Path(__file__).resolve().parent.parent
CI = os.environ.get("CI") == "true"

# Deadlines would time the machine, not the code. CI draws the same examples every time; the runs of
# a developer keep looking for new ones.
settings.register_profile("counterpoise", deadline=None, derandomize=CI, print_blob=True)
settings.load_profile("counterpoise")


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _refuse_network(event: str, args: tuple[Any, ...]) -> None:
    """Audit hook: a test that leaves the machine fails, whatever library it leaves through."""
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    else:
        return
    if not _is_local(host) and host != "0.0.0.0":  # noqa: S104 - a bind address that is looked up
        msg = f"expected a loopback address in a test, was {host}"
        raise PermissionError(msg)


def pytest_configure(config: pytest.Config) -> None:
    # tests/testnet talks to real exchanges, and only when asked for by its marker
    if "testnet" not in str(config.getoption("markexpr")).replace("not testnet", ""):
        sys.addaudithook(_refuse_network)


def _fail_needy_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not (CI and report.outcome == "skipped" and isinstance(report.longrepr, tuple)):
        return
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if reason.startswith("needs ") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"CI=true and nothing may be skipped for want of a service: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_needy_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_needy_skip(report)
    return report


@pytest.fixture(autouse=True)
def _no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe has no width, whatever runs the tests says of its own terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder beside the checkout with recorded markets and payloads; never copied."""
    folder = Path(os.environ.get("COUNTERPOISE_SHARED", REPO.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("needs ../shared (or COUNTERPOISE_SHARED): recorded markets and payloads")
    return folder
