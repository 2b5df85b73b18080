"""Why a broker does not let us in, in words that say what to do.

A port that expects TLS and a client that does not (or the other way round) look like a time-out or a lost connection.
Which it is tells a TLS handshake of its own: nothing is said in it, and no certificate is judged.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable

from counterpoise.domain.access import BrokerAccess
from counterpoise.notify.mqtt import answered_code

#: How long the handshake may take (wall time).
PATIENCE_S = 2
#: Answers to a connection of MQTT 3 and 5: bad user name or password, not authorised.
_NOT_LET_IN = frozenset({4, 5, 134, 135})


async def trouble_of(
    access: BrokerAccess, error: Exception, redact: Callable[[str], str]
) -> tuple[str, str | None]:
    """Return what is wrong, by host and port, and what to do about it (None: that is not known).

    ``redact`` takes secrets out of what others said.
    """
    where = f"{access.host}:{access.port}"
    code = answered_code(error)
    if code in _NOT_LET_IN:
        return _not_let_in(access, where)
    if code is not None:
        return f"the broker at {where} refuses us: {redact(str(error))}", None
    cause = error.__cause__ or error.__context__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {where} is not believed: {redact(cause.verify_message)}",
            "name in tls.ca_file who signed it, and in host a name that stands in it",
        )
    if isinstance(cause, ConnectionRefusedError):
        return f"nothing listens at {where}", "is the broker running? correct host or port"
    speaks_tls = await _speaks_tls(access)
    if access.tls is None and speaks_tls:
        return (
            f"{where} speaks TLS, and we do not",
            "add tls: on, or tls: {ca_file: ca.pem} for a broker of your own",
        )
    if access.tls is not None and speaks_tls is False:
        return (
            f"{where} does not speak TLS",
            "name the port that does (usually 8883), or leave tls out",
        )
    said = redact(str(error)) or "no answer"
    return f"no connection to {where}: {said} ({type(error).__name__})", None


def _not_let_in(access: BrokerAccess, where: str) -> tuple[str, str]:
    if access.user is None:
        return f"the broker at {where} lets nobody in without a name", "add user and password_file"
    return (
        f"wrong user or password: the broker at {where} does not let {access.user} in",
        "correct user or password; mosquitto_passwd sets it at a Mosquitto",
    )


async def _speaks_tls(access: BrokerAccess) -> bool | None:
    """Whether TLS is spoken there; None where nothing answers at all."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connected = False
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, plain = await asyncio.open_connection(access.host, access.port)
            connected = True
            try:
                await plain.start_tls(context, server_hostname=access.host)
            finally:
                plain.close()
                with contextlib.suppress(Exception):
                    await plain.wait_closed()
    except (OSError, TimeoutError):
        # a server that waits for more, or hangs up, has not understood the greeting
        return False if connected else None
    return True
