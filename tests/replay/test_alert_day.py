"""The day of alerts in docs/alerts.md: it is what the replay of that day shows now, and not too much of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from counterpoise.config import Settings
from tests.replay import alert_day
from tests.replay.alert_day import Shown

pytestmark = pytest.mark.replay


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return alert_day.settings_in(tmp_path_factory.mktemp("day"))


@pytest.fixture(scope="module")
def shown(shared: Path, settings: Settings) -> Sequence[Shown]:
    return alert_day.shown_on(settings, shared / "market")


def test_the_page_tells_what_the_replay_shows(settings: Settings, shown: Sequence[Shown]) -> None:
    told = alert_day.PAGE.read_text(encoding="utf-8").partition(alert_day.MARK)[2]
    now = alert_day.page(settings, shown)
    assert told.strip() == now, "write it again: scripts/alert_day.py --write"


def test_a_day_of_a_crash_is_under_forty_messages(shown: Sequence[Shown]) -> None:
    assert 10 <= len(shown) < 40


def test_nothing_is_told_twice_and_what_begins_ends_once(shown: Sequence[Shown]) -> None:
    ids = [id_ for one in shown for id_ in one.message.ids]
    assert len(ids) == len(set(ids))
    told = Counter((one.message.key, one.message.cleared) for one in shown if one.message.key)
    for key, cleared in told:
        assert told[key, True] <= told[key, False], f"{key} ends more often than it begins"
        assert told[key, cleared] <= 3, f"{key} comes and goes"


def test_every_message_comes_with_the_look_that_raised_it(shown: Sequence[Shown]) -> None:
    assert all(one.at - one.message.since <= timedelta(minutes=1) for one in shown)
