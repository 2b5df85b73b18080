from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.config import load
from counterpoise.domain.errors import ConfigError
from tests.unit.config.good import ENV, Load, Write


def test_a_secret_file_everyone_can_read_is_a_warning(write: Write, tmp_path: Path) -> None:
    path = write()
    (tmp_path / "secret").chmod(0o644)
    settings = load(path, ENV)
    assert settings.warnings == (
        (
            "c.yaml:7:18 venues.main.secret_file: secret can be read by everyone on this machine:"
            " run chmod 600 secret"
        ),
    )


def test_a_secret_file_of_the_group_is_no_warning(write: Write, tmp_path: Path) -> None:
    path = write()
    (tmp_path / "secret").chmod(0o640)
    assert load(path, ENV).warnings == ()


def test_a_key_written_into_a_config_everyone_can_read_is_a_warning(
    write: Write, tmp_path: Path
) -> None:
    path = write(("${KEY}", "fake-key-in-the-open"))
    path.chmod(0o644)
    (warning,) = load(path, ENV).warnings
    assert warning == (
        "c.yaml:6:14 venues.main.api_key: a credential stands in c.yaml, which everyone on this"
        " machine can read: use api_key_file or ${NAME}"
    )
    path.chmod(0o600)
    assert load(path, ENV).warnings == ()


def test_a_key_of_a_practice_exchange_may_stand_in_the_open(write: Write) -> None:
    path = write(
        ("${KEY}", "fake-key-in-the-open"),
        ("environment: demo", "environment: local\n    url: http://127.0.0.1:9000"),
    )
    path.chmod(0o644)
    assert load(path, ENV).warnings == ()


@pytest.mark.parametrize(
    ("content", "was"),
    [(b"  \n", "an empty file: secret"), (b"\xff\xfe", "not UTF-8: secret")],
)
def test_a_secret_file_without_a_secret_is_told(
    write: Write, tmp_path: Path, content: bytes, was: str
) -> None:
    path = write()
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError) as told:
        load(path, ENV)
    assert told.value.problems[0].endswith(f"was {was}")


def test_a_private_key_in_pem_keeps_its_lines(write: Write, tmp_path: Path) -> None:
    path = write()
    pem = "-----BEGIN FAKE KEY-----\nfake\n-----END FAKE KEY-----"
    (tmp_path / "secret").write_text(f"{pem}\n")
    assert load(path, ENV).venues["main"].secret.reveal() == pem


def test_any_other_secret_is_one_line(write: Write, tmp_path: Path) -> None:
    path = write()
    (tmp_path / "secret").write_text("fake-key\nfake-secret\n")
    with pytest.raises(ConfigError) as told:
        load(path, ENV)
    assert told.value.problems == [
        "c.yaml:7:18 venues.main.secret_file: expected one line, was 2 lines (they are not shown)"
    ]


def test_no_error_and_no_repr_shows_a_secret(loaded: Load) -> None:
    settings = loaded()
    with pytest.raises(ConfigError) as told:
        loaded(
            ("exchange: binance", "exchange: ${KEY}"),
            ("quote: USDT", "quote: ${KEY}"),
            ("weight: 60%", "weight: ${KEY}"),
        )
    shown = repr(settings) + str(settings) + str(told.value) + repr(told.value)
    assert "fake-key-of-a-test" not in shown
    assert "fake-secret-of-a-test" not in shown


def test_a_credential_in_place_of_its_file_is_not_shown(loaded: Load) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(("secret_file: secret", "secret_file: ${KEY}"))
    assert told.value.problems == [
        (
            "c.yaml:7:18 venues.main.secret_file: expected a readable file, was missing: ${KEY};"
            " create it or correct the path"
        )
    ]


def test_a_file_with_key_and_secret_in_one_is_told(loaded: Load) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(env={**ENV, "KEY": "fake-key\nfake-secret"})
    assert told.value.problems == [
        "c.yaml:6:14 venues.main.api_key: expected one line, was 2 lines (they are not shown)"
    ]
    with pytest.raises(ConfigError, match="letters, digits and signs, without spaces"):
        loaded(env={**ENV, "KEY": "fake-key fake-secret"})
