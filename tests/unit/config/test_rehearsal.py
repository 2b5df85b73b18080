from __future__ import annotations

from datetime import timedelta

import pytest

from counterpoise.config import load, rehearsal
from counterpoise.domain.errors import ConfigError
from tests.unit.config.good import ENV, Write


def test_the_portfolios_are_those_of_a_run(write: Write) -> None:
    path = write()
    made = rehearsal(path, {})
    assert made.portfolios == load(path, ENV).portfolios
    assert made.polls == {}


def test_a_live_config_needs_neither_its_secrets_nor_consent(write: Write) -> None:
    path = write(
        ("environment: demo", "environment: live"),
        ("api_key: ${KEY}", "api_key_file: /run/secrets/is-not-here"),
        ("secret_file: secret", "secret: ${NOBODY_SET_THIS}\n    poll: 5m"),
        ("sqlite:///here.db", "${NOR_THIS}"),
    )
    made = rehearsal(path, {})
    assert [p.id for p in made.portfolios] == ["treasury"]
    assert made.polls == {"main": timedelta(minutes=5)}


def test_no_environment_is_needed_at_all(write: Write) -> None:
    assert rehearsal(write(("    environment: demo\n", "")), {}).portfolios


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ("weight: 60%", "weight: 70%"),
            "c.yaml:14:7 portfolios.treasury.sleeves: expected sleeve",
        ),
        (("asset: BTC, ratio", "asset: XRP, ratio"), "expected an asset of a sleeve"),
        (("venues: [main]", "venues: [other]"), "expected a venue of this file"),
        (("rungs: 4", "rungs: '${RUNGS}'"), "expected the environment variable RUNGS"),
        (("strategies:", "stratgies:"), "did you mean 'strategies'"),
    ],
)
def test_what_a_rehearsal_uses_is_checked(write: Write, change: tuple[str, str], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        rehearsal(write(change), {})
    assert any(told in problem for problem in refused.value.problems), refused.value.problems


def test_a_file_of_something_else_is_refused(write: Write) -> None:
    path = write()
    path.write_text("venues: [main]\n")
    with pytest.raises(ConfigError, match="portfolios"):
        rehearsal(path, {})
