"""A signed webhook: each message as JSON to an address of the user's.

The signature is HMAC-SHA256 over ``<timestamp>.<body>`` with the shared secret, the timestamp in Unix seconds by the
wall clock: whoever checks both knows that it is from here, unchanged, and no old one sent again. Address and secret
are in no error, and no words of the server are repeated that hold a part of them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime

from counterpoise.domain.access import Secret
from counterpoise.domain.errors import SinkBusy, SinkError, SinkRefusal
from counterpoise.domain.leaks import Leaks
from counterpoise.domain.message import Message
from counterpoise.notify.event_document import event_document
from counterpoise.notify.http import USUAL_WAIT, Reply, post

TIMESTAMP = "Counterpoise-Timestamp"
SIGNATURE = "Counterpoise-Signature"
#: The other side is not set up, or not yet: no message is to blame.
_REMEDIES = {
    401: "it wants credentials: check the address",
    403: "it does not let us in: check the address and the secret",
    404: "nothing is there: check the address",
    405: "it takes no POST: check the address",
    407: "a proxy wants credentials",
    408: "it did not wait for the message",
}


class WebhookSink:
    """Posts to ``url``, signed with ``secret``; ``now`` is the wall clock.

    What a server said is not repeated where ``leaks`` finds a secret in it.
    """

    def __init__(
        self, *, url: Secret, secret: Secret, now: Callable[[], datetime], leaks: Leaks
    ) -> None:
        self._url = url
        self._secret = secret
        self._now = now
        self._leaks = leaks

    async def deliver(self, message: Message) -> None:
        """Post one message. Raises SinkBusy, SinkRefusal, SinkError."""
        body, timestamp = body_of(message), str(int(self._now().timestamp()))
        headers = {
            "content-type": "application/json",
            TIMESTAMP: timestamp,
            SIGNATURE: f"sha256={signature(self._secret, timestamp, body)}",
        }
        self._judge(await post(self._url.reveal(), body, headers))

    def _judge(self, reply: Reply) -> None:
        """Raise what the answer means, unless the message was taken."""
        status = reply.status
        if 200 <= status < 300:
            return
        wait = reply.retry_after
        if status == 429 or (status == 503 and wait is not None):
            raise SinkBusy(f"{status}", retry_after=USUAL_WAIT if wait is None else wait)
        if 300 <= status < 400:
            raise SinkError(f"{status}, a redirect, which is not followed: give the final address")
        if status in _REMEDIES:
            raise SinkError(f"{status}: {_REMEDIES[status]}")
        words = self._leaks.words(reply.text)
        if 400 <= status < 500:
            raise SinkRefusal(f"{status} {words}")
        raise SinkError(f"{status} {words}")


def body_of(message: Message) -> bytes:
    """Return ``message`` as JSON: ``ids`` (an alert may come twice, never with another id), times ISO 8601 Z."""
    return json.dumps(event_document(message), separators=(",", ":")).encode()


def signature(secret: Secret, timestamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of ``<timestamp>.<body>`` as hex."""
    content = timestamp.encode() + b"." + body
    return hmac.new(secret.reveal().encode(), content, hashlib.sha256).hexdigest()
