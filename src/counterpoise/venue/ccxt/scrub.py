"""Take secrets out of text before anybody sees it.

ccxt puts the whole signed URL into exception messages, so every text that leaves this package goes through a
:class:`Scrubber`. It knows the credentials by value as well, in case a venue echoes one.
"""

from __future__ import annotations

import re

from counterpoise.domain.access import VenueAccess

_SIGNATURE = re.compile(r"(signature=)[^&\s\"']+", re.IGNORECASE)
_LONGEST = 300
_SHORTEST_SECRET = 4


class Scrubber:
    """Replaces signatures and the given credentials; cuts what is too long to be read."""

    def __init__(self, *secrets: str) -> None:
        # a very short value would also match innocent text
        self._secrets = tuple(s for s in secrets if len(s) >= _SHORTEST_SECRET)

    @classmethod
    def of(cls, access: VenueAccess) -> Scrubber:
        """Return one that knows the credentials of ``access``."""
        known = (access.api_key, access.secret, access.password)
        return cls(*(secret.reveal() for secret in known if secret is not None))

    def __call__(self, text: str) -> str:
        """Return ``text`` without secrets, on one line."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = " ".join(_SIGNATURE.sub(r"\1***", text).split())
        return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
