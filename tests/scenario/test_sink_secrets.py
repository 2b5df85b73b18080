"""Sentinel secrets of the sinks: planted in the config, the environment and what servers answer, found nowhere.

Looked for in every log line down to debug, in the database file, in `status`, in what `check` prints, and in
tracebacks; plain, URL-encoded, in base64, and every six characters in a row of any of these.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import traceback
import warnings
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog
from aiohttp import web

from counterpoise.app import inquire
from counterpoise.app.clock import ManualClock
from counterpoise.app.logs import LogFormat, redactor, set_up
from counterpoise.app.sinks import open_sinks
from counterpoise.cli.main import main
from counterpoise.config import load, outline
from counterpoise.domain.events import Severity, alert
from counterpoise.domain.leaks import spellings
from counterpoise.domain.records import Changes, PortfolioRecord, TradingState
from counterpoise.notify.composing import message_of
from counterpoise.notify.relay import Relay
from counterpoise.record.sql import connect
from counterpoise.record.sql.migrate import upgrade
from tests.inboxes import CUT, HANG, BotServer, HookServer, MailServer, Trouble, page, said
from tests.unit.config.good import ENV, changed

NOW = datetime(2025, 4, 7, 12, tzinfo=UTC)
#: No six characters of these occur by chance.
TOKEN = "98417263:AAQz7vKx_9WqJ-4RmTy8LpGdHc2Nf6Bs"
PATH = "Zk4Xw9Qv7Jp2Lm8R"
SECRET = "Yh3+Vb/5Kd=8Tg:1Wn@6Qz%7Xr"
PASSWORD = "Uj5Ry!8Ev2Dx6Cz"
TOPIC = "Gq8Wj3Xt6Zn9Vk2P"
SECRETS = (TOKEN, TOKEN.partition(":")[2], PATH, SECRET, PASSWORD, TOPIC)


@pytest.fixture(autouse=True)
def _put_logging_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, known = root.handlers[:], root.level, set(redactor._values)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    redactor._values = known
    structlog.reset_defaults()


def echoes() -> list[str]:
    """What a server may say of what it was sent."""
    made = []
    for secret in SECRETS:
        encoded = base64.b64encode(f"x{secret}".encode()).decode()
        made += [secret, quote(secret, safe=""), encoded, secret[:6], secret[4:13], encoded[3:12]]
    return made


def found(text: str) -> list[str]:
    """Return what of the secrets stands in ``text``."""
    grams = {s[n : n + 6] for v in SECRETS for s in spellings(v) for n in range(len(s) - 5)}
    return sorted(g for g in grams if g in text)


def written(bot: BotServer, hook: HookServer, mail: MailServer, where: str) -> str:
    """The config: credentials from the environment (``env``) or as they stand."""
    json_url = f"{hook.url.replace('http:', 'json:')}/{TOPIC}?rto=1"
    mail_url = (
        f"mailto://bot:{PASSWORD}@127.0.0.1:{mail.port}?smtp=127.0.0.1&mode=insecure"
        "&from=bot@test.invalid&to=me@test.invalid"
    )
    values = {"TOKEN": TOKEN, "HOOK": f"{hook.url}/{PATH}", "SECRET": SECRET}
    values |= {"JSON": json_url, "MAIL": mail_url}
    shown = {k: f"${{{k}}}" if where == "env" else v for k, v in values.items()}
    ENVIRONMENT.clear()
    ENVIRONMENT.update(ENV, **(values if where == "env" else {}))
    return (
        f"alerts:\n  telegram: {{token: '{shown['TOKEN']}', chats: [4711], base_url: '{bot.url}'}}\n"
        f"  webhook: {{url: '{shown['HOOK']}', secret: '{shown['SECRET']}'}}\n"
        f"  notify: ['{shown['JSON']}', '{shown['MAIL']}']\nstore: "
    )


ENVIRONMENT: dict[str, str] = {}


def bot_troubles() -> list[Trouble]:
    statuses = (400, 401, 403, 404, 429, 500)
    return [
        CUT,
        HANG,
        *(said(statuses[n % 6], f"Bad: {words}") for n, words in enumerate(echoes())),
        *(page(502, words) for words in echoes()[:6]),
    ]


def hook_troubles() -> list[Trouble]:
    statuses = (400, 401, 404, 422, 429, 500, 503)
    made: list[Trouble] = [HANG]
    made += [page(statuses[n % 7], f"no: {words}") for n, words in enumerate(echoes())]
    return [*made, web.Response(status=302, headers={"Location": f"/{PATH}/{SECRET[:4]}"})]


async def deliver(config: Path, bot: BotServer, hook: HookServer) -> tuple[str, list[str]]:
    """Let every sink fail in every way; return what `status` says, and the tracebacks."""
    settings = load(config, ENVIRONMENT)
    redactor.know(settings.secrets)
    clock, record = ManualClock(NOW), connect(settings.store_url)
    await record.store.open()
    known = PortfolioRecord(
        id="treasury", trading_state=TradingState.RUN, config_hash="c", started_at=NOW
    )
    await record.store.commit(Changes(portfolio="treasury", record=known))
    sinks = open_sinks(settings)

    def relay(timeout: str, *left_out: str) -> Relay:
        return Relay(
            record.outbox,
            {name: sink for name, sink in sinks.items() if name not in left_out},
            clock,
            policies=settings.alerts.policies,
            timeout_s=Decimal(timeout),
            redact=redactor.text,
        )

    tracebacks = []
    # Apprise leaves 5 s between two mails: one goes at the end
    many = relay("1.5", "notify:mailto")
    await many.deliver_pending()
    for n in range(45):
        at = clock.now()
        one = alert("treasury", "flow", Severity.CRITICAL, f"number {n}", at)
        await record.store.commit(Changes(portfolio="treasury", alerts=(one,)))
        await many.deliver_pending()
        clock.advance(Decimal(400))
    # who was left out joins again, and gets what comes from now on
    everybody = relay("8")
    await everybody.deliver_pending()
    last = alert("treasury", "flow", Severity.CRITICAL, "the last", clock.now())
    await record.store.commit(Changes(portfolio="treasury", alerts=(last,)))
    await everybody.deliver_pending()
    bot.troubles = deque([said(401, f"Unauthorized {TOKEN}")])
    hook.answers = deque([page(400, PATH), page(400, SECRET)])
    for name, sink in sinks.items():
        if name == "notify:mailto":
            continue
        try:
            await sink.deliver(message_of([one]))
        except Exception as error:
            structlog.get_logger("test").exception("delivery_failed", sink=name)
            logging.getLogger("some.library").warning("failed with %r", error, exc_info=error)
            tracebacks.append(
                "".join(
                    traceback.TracebackException.from_exception(
                        error, capture_locals=False
                    ).format()
                )
            )
            chain = [error, error.__cause__, error.__context__]
            tracebacks += [f"{e!r} {e} {getattr(e, 'request', '')}" for e in chain if e is not None]
    status = await inquire.status(outline(config, ENVIRONMENT), ("treasury",), clock.now())
    await record.store.close()
    return json.dumps(status), tracebacks


def database(folder: Path) -> bytes:
    return b"".join(f.read_bytes() for f in folder.iterdir() if f.name.startswith("here.db"))


@pytest.mark.parametrize(
    ("where", "style"),
    [
        ("env", LogFormat.JSON),
        pytest.param("literal", LogFormat.CONSOLE, marks=pytest.mark.prove),
    ],
)
async def test_no_secret_of_a_sink_is_found_anywhere(
    tmp_path: Path, where: str, style: LogFormat
) -> None:
    log, mail = io.StringIO(), MailServer(refuses=f"550 {PASSWORD} {TOKEN}")
    await mail.start()
    async with BotServer().serving() as bot, HookServer().serving() as hook:
        (tmp_path / "secret").write_text("fake-secret-of-a-test")
        (tmp_path / "secret").chmod(0o600)
        config = tmp_path / "c.yaml"
        config.write_text(changed(("store: ", written(bot, hook, mail, where))))
        config.chmod(0o600)
        upgrade(f"sqlite:///{tmp_path}/here.db")
        bot.troubles.extend(bot_troubles())
        hook.answers.extend([*hook_troubles(), *hook_troubles()])
        set_up(level="debug", style=style, stream=log)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Apprise asks for imghdr
            status, tracebacks = await deliver(config, bot, hook)
    await mail.stop()
    rows = database(tmp_path)
    # it did fail, in many ways, and tells of it
    assert log.getvalue().count("delivery_failed") == 3
    for words in ("telegram:4711", "webhook", "notify:json", "notify:mailto"):
        assert words in status
        assert words in log.getvalue()
    assert bot.asked > 20
    assert len(hook.paths) > 40
    assert b"not taken" in rows
    for text in (log.getvalue(), status, *tracebacks, rows.decode(errors="replace")):
        assert found(text) == []


@pytest.mark.parametrize("command", [["check"], ["check", "--json"]])
def test_check_shows_none(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    (tmp_path / "secret").write_text("fake-secret-of-a-test")
    text = written(BotServer(url="http://127.0.0.1:9"), HookServer(), MailServer(port=9), "env")
    ENVIRONMENT["HOOK"] = f"https://example.org/{PATH}"
    ENVIRONMENT["JSON"] = f"nonsense://{TOPIC}"
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    config = tmp_path / "c.yaml"
    config.write_text(changed(("store: ", text)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Apprise asks for imghdr
        with pytest.raises(SystemExit) as ended:
            main([*command, str(config)])
    shown = "".join(capsys.readouterr())
    assert ended.value.code == 2
    assert "alerts.notify[0]: expected an address that Apprise knows" in shown
    assert found(shown) == []


def test_the_search_finds_what_is_there() -> None:
    for words in echoes():
        assert found(f"... {words} ...")


def test_a_wait_is_no_secret() -> None:
    assert found(f"retry in {timedelta(seconds=30)}; see status") == []
