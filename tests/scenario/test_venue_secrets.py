"""Sentinel secrets in what an exchange answers: quoted in no alert, row, log line, journal or status of a real daemon.

The practice exchange is told to answer with credentials (its own, and those of sinks) as they are, URL-encoded, in
base64, and six or nine characters of them. That it did, and that people were told of its words all the same, is asked
of the exchange and of the sinks.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import urllib.request
from pathlib import Path
from urllib.parse import quote

from counterpoise.app.clock import WallClock
from counterpoise.domain.leaks import spellings
from tests.inboxes import CHAT, BotServer, HookServer, MailServer
from tests.scenario.processes import PATIENCE_S, Desk, Testnet, make_desk
from tests.scenario.test_telegram_daemon import TURN_S, until

TOKEN = "98417263:AAQz7vKx_9WqJ-4RmTy8LpGdHc2Nf6Bs"
SECRET = "Yh3+Vb/5Kd=8Tg:1Wn@6Qz%7Xr"
PATH = "Zk4Xw9Qv7Jp2Lm8R"
PASSWORD = "Uj5Ry!8Ev2Dx6Cz"
ALERTS = """\
alerts:
  rate: 1000
  zone: Europe/Berlin
  telegram: {{token: '{token}', chats: [{chat}], base_url: '{bot}'}}
  webhook: {{url: '{hook}/{path}', secret: '{secret}'}}
  notify: ['mailto://bot:{password}@127.0.0.1:{mail}?smtp=127.0.0.1&mode=insecure&from=a@test.invalid&to=b@test.invalid']
portfolios:"""


def echoes(secrets: list[str]) -> list[str]:
    """What an exchange may repeat of them."""
    made = []
    for secret in secrets:
        encoded = base64.b64encode(f"u:{secret}".encode()).decode()
        made += [secret, quote(secret, safe=""), encoded, secret[-6:], secret[-12:-3]]
    return made


def found(text: str, secrets: list[str], length: int = 6) -> list[str]:
    """Return what of the secrets stands in ``text``: every six characters in a row of any spelling."""
    # the number of a bot stands before its token, and looks like any number
    parts = [secret.partition(":")[2] if secret == TOKEN else secret for secret in secrets]
    grams = {
        s[n : n + length] for p in parts for s in spellings(p) for n in range(len(s) - length + 1)
    }
    return sorted(gram for gram in grams if gram in text)


def arm(testnet: Testnet, words: list[str]) -> None:
    """Let every second question for the account, and then orders, be answered with ``words``."""
    faults: list[dict[str, object]] = []
    for n, said in enumerate(words):
        bodies: list[dict[str, object]] = [
            {"status": 400, "body": {"code": -1100, "msg": f"Illegal characters in '{said}'"}},
            {"status": 401, "body": {"code": -4711, "msg": f"{said} is not known"}},
            {"status": 502, "body": f"<html><title>{said}</title>{said}</html>"},
        ]
        match = {"method": "GET", "path": "/fapi/*/account"}
        faults.append({"match": match, "skip": 2 * n, "args": bodies[n % 3]})
        orders = {"method": "POST", "path": ["/fapi/v1/order", "/fapi/v1/batchOrders"]}
        faults.append({"match": orders, "skip": 2 * n, "args": bodies[n % 2]})
    for fault in faults:
        content = json.dumps({"when": "before", "kind": "reply", "times": 1, **fault}).encode()
        with urllib.request.urlopen(f"{testnet.url}/_control/fault", content, timeout=30):  # noqa: S310 - our own loopback url
            pass


def struck(testnet: Testnet) -> int:
    return sum(fault["struck"] for fault in testnet.get("/_control/fault")["faults"])


async def test_no_secret_in_an_exchanges_answer_gets_anywhere(tmp_path: Path) -> None:
    bot, hook, mail = BotServer(token=TOKEN, per_minute=100_000), HookServer(), MailServer()
    await mail.start()
    async with bot.serving(), hook.serving():
        with Testnet() as testnet:
            alerts = ALERTS.format(
                token=TOKEN, chat=CHAT, bot=bot.url, hook=hook.url, path=PATH, secret=SECRET,
                password=PASSWORD, mail=mail.port,
            )  # fmt: skip
            desk = make_desk(tmp_path / "desk", testnet, [("portfolios:", alerts)])
            desk.config.chmod(0o600)
            secrets = [testnet.ready["api_key"], testnet.ready["secret"], TOKEN, SECRET, PATH, PASSWORD]  # fmt: skip
            words = echoes(secrets)
            daemon = desk.daemon()
            try:
                await until(lambda: bot.taken, "it has started")
                await asyncio.to_thread(arm, testnet, words)
                await all_struck(testnet, len(words))
                await until(lambda: len(hook.taken) > 10 and mail.mails, "the words are told")
            finally:
                daemon.terminate()
                await asyncio.to_thread(daemon.wait, 30)
                await mail.stop()
            status = await asyncio.to_thread(shown, desk)
    told = [text for _, text, _ in bot.taken]
    posted = [body.decode() for _, body in hook.taken]
    # the words came, without what they must not show
    assert any("Illegal characters in '***'" in text for text in told)
    assert any("Illegal characters in '***'" in text for text in posted)
    assert mail.mails
    rows = b"".join(f.read_bytes() for f in desk.folder.iterdir() if f.name.startswith("run.db"))
    assert b"Illegal characters in '***'" in rows
    assert "***" in desk.log
    for text in (*told, *posted, *mail.mails, *status, desk.log, rows.decode(errors="replace")):
        assert found(text, secrets[2:]) == []
        # the exchange's are hex, as ids are: six in a row of both are equal by chance now and then
        assert found(text, secrets[:2], 9) == []
    for quoted in re.findall(r"Illegal characters in '([^']*)'", "\n".join((*told, *posted))):
        assert found(quoted, secrets) == []


async def all_struck(testnet: Testnet, least: int) -> None:
    """Wait until at least so many answers held a secret."""
    clock = WallClock()
    async with asyncio.timeout(PATIENCE_S):
        while await asyncio.to_thread(struck, testnet) < least:
            await clock.sleep(10 * TURN_S)


def shown(desk: Desk) -> list[str]:
    """What the commands say afterwards."""
    commands = (["status", "--json"], ["explain"], ["journal"])
    made = []
    for command in commands:
        done = desk.command(*command)
        made += [done.stdout, done.stderr]
    return made


def test_the_search_finds_what_is_there() -> None:
    secrets = [TOKEN, SECRET, PATH, PASSWORD]
    for words in echoes(secrets):
        assert found(f"... {words} ...", secrets)
