"""Take secrets out of text before anybody sees it.

ccxt puts the whole signed URL into exception messages, so every text that leaves this package goes through a
:class:`Scrubber`. It knows the credentials by value as well, in case a venue echoes one: as they are,
URL-encoded, in base64, or a part of them.
"""

from __future__ import annotations

import re

from counterpoise.domain.access import Secret, VenueAccess
from counterpoise.domain.leaks import Leaks

_SIGNATURE = re.compile(r"(signature=)[^&\s\"']+", re.IGNORECASE)
_LONGEST = 300
_SHORTEST_SECRET = 4
_LOOKED_THROUGH = 2000


class Scrubber:
    """Replaces signatures and the given credentials; cuts what is too long to be read."""

    def __init__(self, *secrets: str, leaks: Leaks | None = None) -> None:
        # a very short value would also match innocent text
        self._secrets = tuple(s for s in secrets if len(s) >= _SHORTEST_SECRET)
        self._own = Leaks(Secret(s) for s in secrets)
        self._leaks = leaks

    @classmethod
    def of(cls, access: VenueAccess, leaks: Leaks | None = None) -> Scrubber:
        """Return one that knows the credentials of ``access``, and those of ``leaks``."""
        known = (access.api_key, access.secret, access.password)
        return cls(*(secret.reveal() for secret in known if secret is not None), leaks=leaks)

    def __call__(self, text: str) -> str:
        """Return ``text`` without secrets, on one line."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        # what is far behind the cut need not be looked through
        text = " ".join(_SIGNATURE.sub(r"\1***", text).split())[:_LOOKED_THROUGH]
        text = self._own.masked(text)
        if self._leaks is not None:
            text = self._leaks.masked(text)
        return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
