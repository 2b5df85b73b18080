"""Which addresses can be a practice exchange of one's own: this machine, a private network, a bare host name.

``environment: local`` signs requests with whatever keys it is given and takes every answer for true, so it may
not be pointed at somebody else's server by a slip. Names are not resolved: a name with dots could be anyone's.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

EXPECTED = (
    "an address of this machine (http://127.0.0.1:9000), of a private network,"
    " or a bare host name without dots (http://testnet:9000)"
)
WHY = "local is a practice exchange of your own, and this one could be anybody's"

_OURS = tuple(
    map(
        ip_network,
        (
            "127.0.0.0/8",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "169.254.0.0/16",
            "::1/128",
            "fc00::/7",
            "fe80::/10",
        ),
    )
)
#: A letter first: 134744072 and 0x08080808 are ways to write 8.8.8.8.
_BARE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")


def is_near(url: str) -> bool:
    """Return whether ``url`` names this machine, an address of a private network, or a bare host name."""
    host = urlsplit(url).hostname or ""
    if _BARE_NAME.fullmatch(host):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address.version == net.version and address in net for net in _OURS)
