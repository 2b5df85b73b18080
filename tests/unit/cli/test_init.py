"""``counterpoise init``: what it writes is sound, and it writes over nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Cli


def test_what_is_written_is_sound(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "new" / "desk"
    ran = cli("init", folder)
    path = folder / "counterpoise.yaml"
    assert (ran.code, ran.err) == (0, "")
    assert f"counterpoise check {path}" in ran.out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setenv("BINANCE_DEMO_KEY", "fake-key")
    monkeypatch.setenv("BINANCE_DEMO_SECRET", "fake-secret")
    checked = cli("check", path)
    assert (checked.code, checked.err) == (0, "")
    assert "environment demo" in checked.out


def test_the_part_on_alerts_is_sound_once_its_comment_signs_are_gone(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("init", tmp_path)
    path = tmp_path / "counterpoise.yaml"
    kept, commented = path.read_text().split("\n# alerts:")
    lines = f"# alerts:{commented}".splitlines()
    path.write_text("\n".join([kept, *(line.removeprefix("# ") for line in lines), ""]))
    for name, value in (
        ("bot.token", "123456789:AAF-bot_token_of_a_test"),
        ("mqtt.password", "fake-password"),
        ("heartbeat.url", "https://example.org/ping/1"),
    ):
        (tmp_path / name).write_text(value)
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("BINANCE_DEMO_KEY", "fake-key")
    monkeypatch.setenv("BINANCE_DEMO_SECRET", "fake-secret")
    checked = cli("check", path)
    assert (checked.code, checked.err) == (0, "")
    assert "alerts: to log, mqtt, telegram:123456789; by the clock of Europe/Berlin" in checked.out


def test_what_is_there_is_left_as_it_is(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "counterpoise.yaml"
    path.write_text("mine")
    ran = cli("init", tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "it is left as it is" in ran.err
    assert path.read_text() == "mine"


def test_a_place_that_is_no_folder_is_told(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = cli("init", tmp_path / "file" / "below")
    assert (ran.code, ran.out) == (1, "")
    assert "cannot be written" in ran.err
