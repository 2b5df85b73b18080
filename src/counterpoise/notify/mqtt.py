"""An MQTT broker: events as they are delivered, the state of each portfolio, and whether looks are completed.

Topics below the prefix: ``<portfolio>/event/<kind>`` (JSON, QoS 1), ``<portfolio>/state`` (JSON, retained: the last
completed look) and ``availability`` (``online`` or ``offline``, retained, with ``offline`` as last will). Online means
that every portfolio completes its looks, not that a process is alive: one that hangs goes offline by itself.

One connection is kept. QoS 0 is never used: it says yes to a broker that hangs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import aiomqtt
import structlog

from counterpoise.domain.access import BrokerAccess
from counterpoise.domain.message import Message
from counterpoise.notify.event_document import event_document
from counterpoise.ports import Clock

_LOG = structlog.get_logger(__name__)

ONLINE, OFFLINE = "online", "offline"
#: How long an answer of the broker may take (wall time).
ANSWER_S = 4
#: How long each step of connecting may take (TCP, TLS): it happens in a thread, which a stop has to wait for.
CONNECT_S = 3
#: A connection on which nothing is said for so long is asked whether it is alive, and lost half as long after.
KEEPALIVE_S = 10
#: How long a stop waits for the broker at each of its two steps.
LEAVE_S = 1
FIRST_PAUSE_S, LONGEST_PAUSE_S = Decimal(1), Decimal(30)


class MqttSink:
    """Publishes to one broker, over a connection that :meth:`run` keeps.

    ``patience`` holds, per portfolio, after how long without a completed look (wall time) it is no longer online.
    ``announced`` are retained messages of each connection's beginning, by topic (``.../component/node/id/config``):
    Home Assistant's discovery. What an earlier config announced of the same nodes is taken back.
    """

    def __init__(
        self,
        access: BrokerAccess,
        clock: Clock,
        *,
        patience: Mapping[str, timedelta],
        announced: Mapping[str, Mapping[str, object]],
    ) -> None:
        self._access = access
        self._clock = clock
        self._patience = {p: span.total_seconds() for p, span in patience.items()}
        self._announced = announced
        self._client: aiomqtt.Client | None = None
        self._up = asyncio.Event()
        self._news = asyncio.Event()
        self._why = "not tried yet"
        self._troubled = False
        #: Payloads of the last completed looks, and until when (the loop's time) each of them counts.
        self._states: dict[str, str] = {}
        self._until: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to keep the connection, in a task of its own."""
        self._task = asyncio.create_task(self.run(), name="mqtt")

    async def close(self) -> None:
        """Say that we go, and let the connection go; safe to call twice."""
        task, self._task = self._task, None
        if task is None:
            return
        if self._client is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(LEAVE_S):
                    await self._retain(self._client, self._availability, OFFLINE)
        task.cancel()
        # a broker that hangs does not hold up a stop
        await asyncio.wait({task}, timeout=LEAVE_S)

    def looked(self, portfolio: str, state: Mapping[str, object]) -> None:
        """Take in what a completed look of ``portfolio`` saw; returns at once, and is published when it can be."""
        self._states[portfolio] = json.dumps(state)
        patience = self._patience[portfolio]
        self._until[portfolio] = asyncio.get_running_loop().time() + patience
        self._news.set()

    async def deliver(self, message: Message) -> None:
        """Publish one message, and return when the broker has it.

        Raises ConnectionError while there is no connection, aiomqtt.MqttError when the broker does not answer.
        """
        client = await self._connected()
        topic = f"{self._access.prefix}/{_level(message.portfolio)}/event/{_level(message.kind)}"
        await client.publish(topic, json.dumps(event_document(message)), qos=1, timeout=ANSWER_S)

    async def run(self) -> None:
        """Keep the connection until cancelled; one that is lost is sought again after pauses that grow."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                async with await self._new_client() as client:
                    pause = FIRST_PAUSE_S
                    await self._serve(client)
            except Exception as error:  # noqa: BLE001 - whatever it is, only this connection may suffer from it
                self._lost(error)
            await self._clock.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _serve(self, client: aiomqtt.Client) -> None:
        """Use a connection until it is lost; raises why."""
        for topic, document in self._announced.items():
            await self._retain(client, topic, json.dumps(document))
        self._client, self._troubled = client, False
        self._up.set()
        _LOG.info("mqtt_connected", host=self._access.host, port=self._access.port)
        tasks = {asyncio.create_task(self._tell(client)), asyncio.create_task(self._hear(client))}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._client = None
            self._up.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, client: aiomqtt.Client) -> None:
        """Publish what looks saw, and whether they are completed, as it changes."""
        shown: dict[str, str] = {}
        said: str | None = None
        while True:
            self._news.clear()
            for portfolio, payload in tuple(self._states.items()):
                if shown.get(portfolio) != payload:
                    topic = f"{self._access.prefix}/{_level(portfolio)}/state"
                    await self._retain(client, topic, payload)
                    shown[portfolio] = payload
            left = self._time_left()
            word = ONLINE if left > 0 else OFFLINE
            if word != said:
                await self._retain(client, self._availability, word)
                said = word
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left if left > 0 else None):
                    await self._news.wait()

    async def _hear(self, client: aiomqtt.Client) -> None:
        """Take back what is announced no more, until the connection is lost: then the iteration raises."""
        nodes = {tuple(topic.rsplit("/", 4))[::2] for topic in self._announced}
        for topics, node, config in sorted(nodes):
            await client.subscribe(f"{topics}/+/{node}/+/{config}", qos=1, timeout=ANSWER_S)
        async for message in client.messages:
            topic = message.topic.value
            if message.retain and message.payload and topic not in self._announced:
                await self._retain(client, topic, "")

    def _time_left(self) -> float:
        """How long we are online without another look: seconds, not above 0 when we are not."""
        now = asyncio.get_running_loop().time()
        return min((self._until.get(p, now) - now for p in self._patience), default=0)

    async def _connected(self) -> aiomqtt.Client:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                await self._up.wait()
        if self._client is None:
            raise ConnectionError(
                f"no connection to {self._access.host}:{self._access.port}: {self._why}"
            )
        return self._client

    def _lost(self, error: Exception) -> None:
        self._why = str(error) or type(error).__name__
        (_LOG.debug if self._troubled else _LOG.warning)(
            "mqtt_lost", host=self._access.host, port=self._access.port, error=self._why
        )
        self._troubled = True

    async def _new_client(self) -> aiomqtt.Client:
        access = self._access
        # reading what the system trusts takes its time, which no look shall wait for
        tls_context = await asyncio.to_thread(_tls_context, access)
        client = aiomqtt.Client(
            access.host,
            access.port,
            username=access.user,
            password=access.password.reveal() if access.password is not None else None,
            tls_context=tls_context,
            will=aiomqtt.Will(self._availability, OFFLINE, qos=1, retain=True),
            timeout=ANSWER_S,
            keepalive=KEEPALIVE_S,
        )
        client._client.connect_timeout = CONNECT_S  # noqa: SLF001 - aiomqtt has no other way to it
        return client

    @property
    def _availability(self) -> str:
        return f"{self._access.prefix}/availability"

    @staticmethod
    async def _retain(client: aiomqtt.Client, topic: str, payload: str) -> None:
        await client.publish(topic, payload, qos=1, retain=True, timeout=ANSWER_S)


async def greet(access: BrokerAccess) -> None:
    """Connect to a broker as we would, and part at once; nothing is published, no other connection is disturbed.

    Raises aiomqtt.MqttError where it does not answer or does not let us in, OSError (ssl.SSLError) for certificates.
    """
    tls_context = await asyncio.to_thread(_tls_context, access)
    client = aiomqtt.Client(
        access.host,
        access.port,
        username=access.user,
        password=access.password.reveal() if access.password is not None else None,
        tls_context=tls_context,
        timeout=ANSWER_S,
    )
    client._client.connect_timeout = CONNECT_S  # noqa: SLF001 - aiomqtt has no other way to it
    async with client:
        pass


def answered_code(error: Exception) -> int | None:
    """Return the code with which a broker answered our connection; None where it did not come to that."""
    if not isinstance(error, aiomqtt.MqttCodeError) or error.rc is None:
        return None
    return error.rc if isinstance(error.rc, int) else error.rc.value


def _tls_context(access: BrokerAccess) -> ssl.SSLContext | None:
    """Read anew for each connection: certificates are renewed while we run."""
    if access.tls is None:
        return None
    context = ssl.create_default_context(cafile=access.tls.ca_file)
    if access.tls.cert_file is not None:
        context.load_cert_chain(access.tls.cert_file, access.tls.key_file)
    return context


def _level(name: str) -> str:
    """Return ``name`` as one level of a topic."""
    return "".join("_" if c in "+#/\0" else c for c in name) or "_"
