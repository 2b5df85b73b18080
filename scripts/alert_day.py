#!/usr/bin/env python3
"""Replay the crash of August 2024 and write what a phone showed on its worst day into docs/alerts.md.

    .venv/bin/python scripts/alert_day.py            # prints
    .venv/bin/python scripts/alert_day.py --write    # into docs/alerts.md

Takes about ten seconds. Needs recorded markets in ../shared (or COUNTERPOISE_SHARED).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.replay import alert_day  # noqa: E402 - the path comes first

MARKET = Path(os.environ.get("COUNTERPOISE_SHARED", ROOT.parent / "shared")) / "market"


def main() -> int:
    """Replay it and print, or write, the day."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--write", action="store_true", help="into docs/alerts.md")
    options = parser.parse_args()
    if not MARKET.is_dir():
        print(f"needs {MARKET}: recorded markets", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        settings = alert_day.settings_in(Path(folder))
        text = alert_day.page(settings, alert_day.shown_on(settings, MARKET))
    if not options.write:
        print(text)
        return 0
    head = alert_day.PAGE.read_text(encoding="utf-8").partition(alert_day.MARK)[0]
    alert_day.PAGE.write_text(f"{head}{alert_day.MARK}\n\n{text}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
