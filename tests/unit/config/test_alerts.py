from __future__ import annotations

import re
from datetime import UTC, time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from counterpoise.config.alerts import AlertsModel, SinkModel, policy
from counterpoise.domain.access import ControlAccess
from counterpoise.domain.categories import Category
from counterpoise.domain.errors import ConfigError
from counterpoise.domain.events import Severity
from counterpoise.domain.reporting import Period, ReportPlan
from counterpoise.domain.routing import DEFAULT_RATE, QuietHours, Route, SinkPolicy
from tests.conftest import REPO
from tests.unit.config.good import ENV, Load

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(start=time(22), end=time(7), zone=BERLIN)


def test_without_a_word_the_log_is_told_everything_at_once(loaded: Load) -> None:
    settings = loaded()
    assert settings.alerts.policies == {"log": SinkPolicy()}
    assert settings.alerts.zone is UTC
    assert not settings.warnings


def test_what_is_written_becomes_the_policy_of_the_log(loaded: Load) -> None:
    written = (
        "alerts: {zone: Europe/Berlin, log: {rate: 5, quiet: {from: 22:00, to: 07:00},"
        " routing: {info: silent, hedge: on, ladder: off}}}\nstore: "
    )
    alerts = loaded(("store: ", written)).alerts
    assert alerts.zone == BERLIN
    assert alerts.policies["log"] == SinkPolicy(
        severities={Severity.INFO: Route.SILENT},
        categories={Category.HEDGE: Route.ON, Category.LADDER: Route.OFF},
        quiet=NIGHT,
        rate=5,
    )


def test_hours_and_rate_for_all_do_not_hold_up_the_log(loaded: Load) -> None:
    written = "alerts: {rate: 3, quiet: {from: 22:00, to: 07:00}}\nstore: "
    assert loaded(("store: ", written)).alerts.policies["log"] == SinkPolicy()


def test_a_sink_is_served_as_all_are_unless_it_says_otherwise() -> None:
    night = {"from": "22:00", "to": "07:00"}
    usual = AlertsModel.model_validate(
        {"zone": "Europe/Berlin", "quiet": night, "rate": Decimal(6)}
    )
    assert policy(usual, SinkModel()) == SinkPolicy(quiet=NIGHT, rate=6)
    own = SinkModel.model_validate({"quiet": "never", "rate": Decimal(30)})
    assert policy(usual, own) == SinkPolicy(rate=30)
    assert policy(AlertsModel(), SinkModel()) == SinkPolicy(rate=DEFAULT_RATE)


@pytest.mark.parametrize(
    ("routing", "told"),
    [
        ("critical: off", "nothing of margin, collateral, state, orders, foreign, data, lifecycle"),
        ("margin: off", "nothing of margin is told anywhere, not even what is critical"),
        ("info: off, warning: off, report: off", None),
        ("critical: off, margin: on", "nothing of collateral, state, orders"),
    ],
)
def test_what_is_critical_and_told_nowhere_is_warned_of(
    loaded: Load, routing: str, told: str | None
) -> None:
    warnings = loaded(("store: ", f"alerts: {{log: {{routing: {{{routing}}}}}}}\nstore: ")).warnings
    if told is None:
        assert warnings == ()
    else:
        (warning,) = warnings
        assert "c.yaml:1:1 alerts: " in warning
        assert told in warning


@pytest.mark.parametrize(
    ("written", "plan"),
    [
        ("", ReportPlan()),
        ("reports: {}", ReportPlan()),
        ("zone: Europe/Berlin", ReportPlan(zone=BERLIN)),
        ("reports: off", ReportPlan(told=frozenset())),
        ("reports: {daily: off}", ReportPlan(told=frozenset({Period.WEEKLY}))),
        ("reports: {weekly: off, daily: 06:30}", ReportPlan(daily=time(6, 30), told=frozenset({Period.DAILY}))),
        ("reports: {weekly: Sun 20:15}", ReportPlan(weekday=6, weekly=time(20, 15))),
        ("reports: {weekly: friday 7:05}", ReportPlan(weekday=4, weekly=time(7, 5))),
    ],
)  # fmt: skip
def test_when_reports_are_due(loaded: Load, written: str, plan: ReportPlan) -> None:
    assert loaded(("store: ", f"alerts: {{{written}}}\nstore: ")).alerts.reports == plan


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("reports: on", "alerts.reports: expected off, or times such as {daily: 08:00"),
        ("reports: {daily: 8}", "alerts.reports.daily: expected a time of day such as 08:00, or off"),
        ("reports: {daily: 25:00}", "alerts.reports.daily: expected a time of day such as 08:00, or off"),
        ("reports: {weekly: 08:00}", "alerts.reports.weekly: expected a weekday and a time of day"),
        ("reports: {weekly: mnday 08:00}", "did you mean 'monday'?"),
        ("reports: {dayly: 08:00}", "did you mean 'daily'?"),
    ],
)  # fmt: skip
def test_when_reports_cannot_be_due(loaded: Load, written: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(("store: ", f"alerts: {{{written}}}\nstore: "))
    assert told in str(refused.value)


DOCS = (REPO / "docs" / "alerts.md").read_text(encoding="utf-8")


SHOWN = [t for t in re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL) if t.startswith("alerts:")]
CREDENTIALS = {
    "mqtt.password": "fake-password",
    "heartbeat.url": "https://a.b/c",
    "bot.token": "123456789:AAF-bot_token_of_a_test",
    "webhook.url": "https://example.org/alerts",
    "webhook.secret": "0123456789abcdef",
    "pager.url": "pagerduty://key@key",
}


@pytest.mark.parametrize("shown", SHOWN)
def test_what_the_docs_show_can_be_used_as_it_stands(
    shown: str, loaded: Load, tmp_path: Path
) -> None:
    for name, content in CREDENTIALS.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    settings = loaded(("store: ", f"{shown}store: "), env={**ENV, "MAIL_URL": "mailto://a:b@c.org"})
    assert settings.warnings == ()
    if "zone:" in shown:
        assert settings.alerts.zone == BERLIN
        assert settings.alerts.policies["log"].categories == {Category.LADDER: Route.OFF}
    if "control:" in shown:
        assert settings.alerts.telegram is not None
        assert settings.alerts.telegram.control == ControlAccess(
            chats=frozenset({123456789, -1001234567890}), users=frozenset({123456789})
        )
    elif "telegram:" in shown:
        assert list(settings.alerts.policies) == [
            "log",
            "telegram:123456789",
            "telegram:-1001234567890",
            "webhook",
            "notify:mailto",
            "notify:pagerduty",
        ]


def test_the_docs_show_every_way() -> None:
    text = "".join(SHOWN)
    for way in AlertsModel.model_fields:
        assert f"  {way}:" in text


def test_the_docs_name_every_category() -> None:
    named = re.findall(r"^\| `(\w+)` \|", DOCS, re.MULTILINE)
    assert named == [c.value for c in Category if c is not Category.OTHER]
