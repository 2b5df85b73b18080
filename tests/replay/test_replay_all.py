"""What ``make replay-all`` covers. That it holds is its own business; a part of it runs in test_crash_windows.py."""

from __future__ import annotations

import runpy
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path


def test_it_covers_all_years_without_a_hole(repo: Path) -> None:
    windows = list(runpy.run_path(str(repo / "scripts/replay_all.py"))["windows"]())
    assert windows[0].start == datetime(2020, 2, 1, tzinfo=UTC)
    assert windows[-1].end == datetime(2025, 7, 1, tzinfo=UTC)
    assert all(before.end == after.start for before, after in pairwise(windows))
    assert all(("SOL" in window.assets) == (window.start.year >= 2024) for window in windows)
