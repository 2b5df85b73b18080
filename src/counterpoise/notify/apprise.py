"""Every other service (mail, ntfy, Slack, PagerDuty, ...) through Apprise, which comes with the extra ``notify``.

Each address is a sink of its own. Apprise blocks, so it works in a thread of its own (not in the loop's, where names
are looked up for trading). A delivery that is given up on goes on there until Apprise's own time-outs end it, and the
next one waits for it first: nothing is sent twice at once. Apprise says only whether a message got through, so
nothing is ever given up for what it said.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from datetime import tzinfo
from types import ModuleType

from counterpoise.domain.access import Secret
from counterpoise.domain.errors import SinkError
from counterpoise.domain.events import Severity
from counterpoise.domain.leaks import Leaks
from counterpoise.domain.message import Message
from counterpoise.notify.wording import cut, foot, head, plain

MISSING = "Apprise is not installed: pip install counterpoise[notify]"
#: Services cut or split as they must; this keeps a mail readable.
LONGEST_TEXT = 10_000
_TYPES = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}


class AppriseMissing(Exception):
    """The extra ``notify`` is not installed."""


class AppriseSink:
    """Sends through the service that ``url`` names; times are shown by the clock of ``zone``.

    What a service said is not repeated where ``leaks`` finds a secret in it.

    Raises AppriseMissing, or ValueError when Apprise knows no such service or finds the address incomplete.
    """

    def __init__(self, *, url: Secret, zone: tzinfo, leaks: Leaks) -> None:
        library = _library()
        # nothing of it may be kept on disk: addresses hold passwords
        asset = library.AppriseAsset(storage_mode="memory", async_mode=False)
        self._service = library.Apprise(asset=asset)
        if not self._service.add(url.reveal()):
            raise ValueError("an address that Apprise knows, such as ntfy://topic")
        self._zone = zone
        self._leaks = leaks
        self._running: asyncio.Future[str | None] | None = None
        self._ids: tuple[str, ...] = ()

    async def deliver(self, message: Message) -> None:
        """Send one message. Raises SinkError."""
        if self._running is not None:
            # an earlier delivery that was not waited for to the end
            said = await asyncio.shield(self._running)
            self._running = None
            if said is None and self._ids == message.ids:
                return
        self._ids = message.ids
        self._running = self._begin(message)
        said = await asyncio.shield(self._running)
        self._running = None
        if said is not None:
            raise SinkError(said)

    def _begin(self, message: Message) -> asyncio.Future[str | None]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str | None] = loop.create_future()

        def work() -> None:
            said = self._send(message)
            # the loop may be gone by then, with whoever waited
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(done.set_result, said)

        # a daemon: one that hangs does not hold up the end of the process
        threading.Thread(target=work, name="apprise", daemon=True).start()
        return done

    def _send(self, message: Message) -> str | None:
        """Return None when it got through, else why not."""
        kind = "success" if message.cleared else _TYPES[message.severity]
        try:
            result = self._service.notify(
                title=head(message),
                body=f"{cut(plain(message.text), LONGEST_TEXT)}\n\n{foot(message, self._zone)}",
                notify_type=kind,
                body_format="text",
            )
        except Exception as error:  # noqa: BLE001 - 170 services; whatever one raises, its words may hold the address
            return f"the service failed ({type(error).__name__})"
        if result:
            return None
        said = "; ".join(self._leaks.words(str(entry.message)) for entry in result.logs())
        return f"not taken: {said or 'the service does not say why'}"


def _library() -> ModuleType:
    """Return Apprise, with its log kept from everybody but itself. Raises AppriseMissing."""
    # what it says is read from its results; of a library its log would tell addresses, at DEBUG even passwords
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    try:
        import apprise  # noqa: PLC0415 - half a second, and an extra that need not be there
    except ImportError:
        raise AppriseMissing(MISSING) from None
    # what it sends with tells paths at DEBUG, and they hold tokens
    logging.getLogger("urllib3").setLevel(logging.INFO)
    return apprise
