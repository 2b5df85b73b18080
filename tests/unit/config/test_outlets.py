from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from counterpoise.config import Settings
from counterpoise.domain.access import (
    ControlAccess,
    NotifyAccess,
    Secret,
    TelegramAccess,
    WebhookAccess,
)
from counterpoise.domain.errors import ConfigError
from counterpoise.domain.events import Severity
from counterpoise.domain.routing import Route, SinkPolicy
from tests.unit.config.good import ENV, Load

TOKEN = "123456789:AAF-bot_token_of_a_test"
URL = "https://example.org/hooks/t0ken-of-a-path"
SECRET = "0123456789abcdef-hook"
BOT = "telegram: {token: '${TOKEN}', chats: [1]"
MAIL = "mailto://me:pa55word@example.org"
FULL = {**ENV, "TOKEN": TOKEN, "URL": URL, "SECRET": SECRET, "MAIL": MAIL}


def with_alerts(loaded: Load, written: str, **env: str) -> Settings:
    return loaded(("store: ", f"alerts: {{{written}}}\nstore: "), env={**FULL, **env})


def problems(loaded: Load, written: str, **env: str) -> list[str]:
    with pytest.raises(ConfigError) as told:
        with_alerts(loaded, written, **env)
    return told.value.problems


def test_each_chat_is_a_sink_of_its_own(loaded: Load) -> None:
    written = (
        "rate: 9, telegram: {token: '${TOKEN}', chats: [4711, -1001234, '@alarms'],"
        " routing: {info: silent}}"
    )
    alerts = with_alerts(loaded, written).alerts
    names = ["telegram:4711", "telegram:-1001234", "telegram:@alarms"]
    assert alerts.telegram == TelegramAccess(
        token=Secret(TOKEN),
        base_url="https://api.telegram.org",
        chats={name: name.removeprefix("telegram:") for name in names},
    )
    assert list(alerts.policies) == ["log", *names]
    for name in names:
        assert alerts.policies[name] == SinkPolicy(severities={Severity.INFO: Route.SILENT}, rate=9)


def test_credentials_come_from_files_too(loaded: Load, tmp_path: Path) -> None:
    for name, value in (("t", TOKEN), ("u", URL), ("s", SECRET), ("m", MAIL)):
        (tmp_path / name).write_text(f"{value}\n")
        (tmp_path / name).chmod(0o600)
    written = (
        "telegram: {token_file: t, chats: [1], base_url: 'http://127.0.0.1:8081/'},"
        " webhook: {url_file: u, secret_file: s}, notify: [{url_file: m}]"
    )
    alerts = with_alerts(loaded, written).alerts
    assert alerts.telegram is not None
    assert (alerts.telegram.token, alerts.telegram.base_url) == (
        Secret(TOKEN),
        "http://127.0.0.1:8081",
    )
    assert alerts.webhook == WebhookAccess(url=Secret(URL), secret=Secret(SECRET))
    assert alerts.notify == {
        "notify:mailto": NotifyAccess(url=Secret(MAIL), path="alerts.notify[0]")
    }


def test_each_address_is_a_sink_with_a_name_that_tells_its_kind(loaded: Load) -> None:
    written = (
        "quiet: {from: 22:00, to: 07:00}, notify: ['${MAIL}', 'ntfy://topic',"
        " {url: '${MAIL}?x=1', quiet: never, rate: 3, routing: {info: off}}]"
    )
    alerts = with_alerts(loaded, written).alerts
    assert list(alerts.notify) == ["notify:mailto", "notify:ntfy", "notify:mailto-2"]
    assert alerts.policies["notify:ntfy"].quiet is not None
    assert alerts.policies["notify:mailto-2"] == SinkPolicy(
        severities={Severity.INFO: Route.OFF}, rate=3
    )


def test_every_credential_is_known_to_the_redactor_also_its_parts(loaded: Load) -> None:
    written = (
        "telegram: {token: '${TOKEN}', chats: [1]}, notify: ['${MAIL}'],"
        " webhook: {url: '${URL}', secret: '${SECRET}'}"
    )
    known = {s.reveal() for s in with_alerts(loaded, written).secrets}
    assert {TOKEN, URL, SECRET, MAIL, "pa55word", "t0ken-of-a-path", ENV["KEY"]} <= known


def test_nobody_may_speak_to_the_bot_unless_both_are_listed(loaded: Load) -> None:
    plain = with_alerts(loaded, "telegram: {token: '${TOKEN}', chats: [1]}").alerts.telegram
    assert plain is not None
    assert plain.control is None
    listed = (
        "telegram: {token: '${TOKEN}', chats: [1], control: {chats: [1, -100], users: ['${ME}']%s}}"
    )
    for more, within in (("", 120), (", confirm_within: 30s", 30)):
        bot = with_alerts(loaded, listed % more, ME="7").alerts.telegram
        assert bot is not None
        assert bot.control == ControlAccess(
            chats=frozenset({1, -100}),
            users=frozenset({7}),
            confirm_within=timedelta(seconds=within),
        )


HIDDEN = "was something else (its value is not shown)"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("telegram: {chats: [1]}", "alerts.telegram.token: expected token (best as ${NAME}) or"),
        ("telegram: {token: '${TOKEN}'}", "alerts.telegram.chats: expected ids of chats"),
        ("telegram: {token: '${TOKEN}', chats: []}", "alerts.telegram.chats: expected ids of"),
        ("telegram: {token: '${TOKEN}', chats: [0]}", "chats[0]: expected the id of a chat"),
        ("telegram: {token: '${TOKEN}', chats: [1.5]}", "chats[0]: expected the id of a chat"),
        ("telegram: {token: '${TOKEN}', chats: [1, '1']}", "expected each chat once, was 1 again"),
        (
            "telegram: {token: '${TOKEN}', token_file: t, chats: [1]}",
            "alerts.telegram.token_file: expected token or token_file, was both",
        ),
        ("telegram: {token: 'w/../x', chats: [1]}", f"letters and digits, {HIDDEN}"),
        (f"{BOT}, control: {{users: [1]}}}}", "alerts.telegram.control.chats: expected chats it is"),
        (f"{BOT}, control: {{chats: [1]}}}}", "alerts.telegram.control.users: expected who may speak"),
        (f"{BOT}, control: {{chats: [1], users: []}}}}", "alerts.telegram.control.users: expected"),
        (f"{BOT}, control: {{chats: ['@channel'], users: [1]}}}}", "chats[0]: expected the id of a chat"),
        (f"{BOT}, control: {{chats: [1], users: ['@ada']}}}}", "users[0]: expected the id of a person"),
        (f"{BOT}, control: {{chats: [1], users: [-1]}}}}", "users[0]: expected the id of a person"),
        (f"{BOT}, control: {{chats: [1], users: [1, '1']}}}}", "expected each user once, was 1 again"),
        (f"{BOT}, control: {{chats: [1], users: [1], confirm_within: 2h}}}}", "expected a time from 10s to 1h"),
        (f"{BOT}, control: {{chats: [1], users: [1], user: 1}}}}", "did you mean 'users'"),
        ("webhook: {url: 'ftp://x', secret: '${SECRET}'}", f"such as https://example.org/alerts, {HIDDEN}"),
        ("webhook: {url: '${URL}', secret: short}", f"at least 16 characters (openssl rand -hex 32), {HIDDEN}"),
        ("webhook: {url: '${URL}'}", "alerts.webhook.secret: expected secret (best as ${NAME})"),
        ("notify: [not-an-address]", f"notify[0]: expected an address for Apprise such as ntfy://topic, {HIDDEN}"),
        ("notify: [{rate: 3}]", "alerts.notify[0].url: expected url (best as ${NAME}) or url_file"),
        ("notify: [{url: '${MAIL}', quiet: {from: 22:00, to: 22:00}}]", "another time than from"),
        ("webhook: {url: '${URL}', secret: '${SECRET}', routing: {info: of}}", "did you mean 'off'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_at_its_place(loaded: Load, written: str, told: str) -> None:
    (problem,) = problems(loaded, written)
    assert problem.startswith("c.yaml:1:")
    assert told in problem


SENTINEL = "s3ntinel-0123456789"


@pytest.mark.parametrize(
    "written",
    [
        f"telegram: {SENTINEL}",
        f"telegram: {{token: {SENTINEL}, chats: [1]}}",
        f"telegram: {{token: '${{TOKEN}}', chats: {SENTINEL}}}",
        f"telegram: {{token: '${{TOKEN}}', chats: [{SENTINEL}]}}",
        f"telegram: {{token: '${{TOKEN}}', chats: [1], base_url: 'https://h/bot{SENTINEL}'}}",
        f"webhook: https://h.example.org/{SENTINEL}",
        f"webhook: {{url: {SENTINEL}, secret: '${{SECRET}}'}}",
        f"webhook: {{url: [{SENTINEL}], secret: '${{SECRET}}'}}",
        f"notify: mailto://me:{SENTINEL}@example.org",
        f"notify: [{SENTINEL}]",
        f"notify: [[{SENTINEL}]]",
        f"notify: [{{url: {SENTINEL}}}]",
        f"notify: {{mail: {SENTINEL}}}",
    ],
)
def test_no_credential_is_shown_even_out_of_its_place(loaded: Load, written: str) -> None:
    told = "\n".join(problems(loaded, written))
    assert "alerts." in told
    assert SENTINEL[:6] not in told


def test_a_number_for_a_token_is_not_shown(loaded: Load) -> None:
    told = "\n".join(problems(loaded, "telegram: {token: 987654321012, chats: [1]}"))
    assert "a text" in told
    assert "987654" not in told


def test_an_address_in_a_config_that_everyone_can_read_is_warned_of(
    loaded: Load, tmp_path: Path
) -> None:
    (told,) = with_alerts(loaded, f"notify: ['${{MAIL}}', '{MAIL}']").warnings
    assert "alerts.notify[1]: a credential stands in" in told
    assert told.endswith("use {url_file: ...} or ${NAME}")
    assert "pa55word" not in told


def test_a_chat_of_control_that_gets_no_alerts_is_warned_of(loaded: Load) -> None:
    written = (
        "telegram: {token: '${TOKEN}', chats: [1, '@channel'],"
        " control: {chats: [1, -1002], users: [1]}}"
    )
    (told,) = with_alerts(loaded, written).warnings
    assert told.endswith("-1002 is not in alerts.telegram.chats: answers come there, alerts do not")


def test_a_user_of_a_broker_without_a_password_is_warned_of(loaded: Load) -> None:
    (told,) = with_alerts(loaded, "mqtt: {host: localhost, user: me}").warnings
    assert "a user without a password" in told
