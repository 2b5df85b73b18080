from __future__ import annotations

import subprocess
import sys

from counterpoise.domain.access import Environment, Secret, VenueAccess
from counterpoise.venue.ccxt.instants import from_ms, to_ms
from counterpoise.venue.ccxt.scrub import Scrubber
from tests.build import NOW


def test_signatures_and_credentials_go() -> None:
    access = VenueAccess(
        id="main",
        exchange="binance",
        environment=Environment.LOCAL,
        api_key=Secret("fake-key-0001"),
        secret=Secret("fake-secret-0001"),
        password=Secret("fake-pass-0001"),
    )
    text = "GET https://h/p?a=1&signature=0aF%2F9&b=2 fake-key-0001 fake-secret-0001 fake-pass-0001"
    shown = Scrubber.of(access)(text)
    assert shown == "GET https://h/p?a=1&signature=***&b=2 *** *** ***"


def test_a_long_text_is_cut_and_stays_on_one_line() -> None:
    shown = Scrubber("")("line\n" * 500)
    assert len(shown) == 300
    assert shown.endswith("...")
    assert "\n" not in shown


def test_milliseconds_are_exact() -> None:
    assert from_ms(to_ms(NOW)) == NOW
    assert to_ms(from_ms(1_748_865_600_123)) == 1_748_865_600_123


def test_importing_the_door_does_not_import_ccxt() -> None:
    code = (
        "import sys, counterpoise.venue.ccxt, counterpoise.venue.ccxt.factory;"
        "print([m for m in ('ccxt', 'aiohttp') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
