"""In which spellings a secret may turn up in a text, and whether a text holds a part of one. Pure.

What another program said may repeat what it was sent: a token in an address, a password in base64, or only the
first half of either. A :class:`Leaks` tells, so that such words are not repeated.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote, urlsplit

from counterpoise.domain.access import Secret

#: So many characters of a secret in a row are a part of it; fewer would make a secret of ordinary words.
SHORTEST = 6
_LONG_PART, _SHORT_PART = 16, 8
#: So many in a row are in no hash by chance.
_NO_CHANCE = 9
BLANK = "***"
HIDDEN_WORDS = "(its words are not shown: a secret is in them)"


def spellings(value: str) -> frozenset[str]:
    """Return ``value`` as it may be written: plain, URL-encoded, in base64 at any offset."""
    made = {value, quote(value, safe=""), quote_plus(value)}
    made |= {one.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d") for one in made}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        made |= set(_encoded(value.encode(), encode))
    return frozenset(one for one in made if len(one) >= SHORTEST)


def _encoded(value: bytes, encode: Callable[[bytes], bytes]) -> Iterator[str]:
    """Yield what stays the same of ``value`` in base64, whatever stands before and behind it."""
    for before in range(3):
        whole = encode(b"\0" * before + value).decode().rstrip("=")
        behind = 1 if (before + len(value)) % 3 else 0
        yield whole[(0, 2, 3)[before] : len(whole) - behind]


def secret_parts(url: str) -> tuple[Secret, ...]:
    """Return what in ``url`` looks like a credential: its password, and long or mixed words of it."""
    found: set[str] = set()
    try:
        parts = urlsplit(url)
        found |= {parts.password or "", unquote(parts.password or "")} - {""}
        words = [parts.username or "", *parts.path.split("/"), *parts.fragment.split("/")]
        words += [p.partition("=")[2] for p in parts.query.split("&")]
        words += [w for w in parts.netloc.rpartition("@")[2].split(":") if "." not in w]
    except ValueError:
        words = url.split("/")
    for word in words:
        if looks_secret(word):
            found |= {word, unquote(word)}
    return tuple(Secret(one) for one in sorted(found))


def looks_secret(word: str) -> bool:
    """Return whether ``word`` of an address looks like a token rather than a name."""
    mixed = any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
    return len(word) >= _LONG_PART or (len(word) >= _SHORT_PART and mixed)


class Leaks:
    """Knows secrets, and finds any six characters in a row of one, in any of its spellings.

    A whole address is left out, as it would hide every ``https:``; its :func:`secret_parts` stand for it.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        values = [s.reveal() for s in secrets if "://" not in s.reveal()]
        self._grams = {
            one[n : n + SHORTEST]
            for value in values
            for one in spellings(value)
            for n in range(len(one) - SHORTEST + 1)
        }
        #: What is no part of a word, a name or a number, and whole secrets: looked for in sentences of our own.
        self._odd = {gram for gram in self._grams if _is_odd(gram)}
        self._whole = sorted(
            {one for value in values if looks_secret(value) for one in spellings(value)},
            key=len,
            reverse=True,
        )

    def __contains__(self, said: str) -> bool:
        return any(said[n : n + SHORTEST] in self._grams for n in range(len(said) - SHORTEST + 1))

    def masked(self, said: str) -> str:
        """Return somebody else's words with every part of a secret blanked out."""
        return _blanked(said, self._grams)

    def cleaned(self, said: str) -> str:
        """Return a sentence of ours, which may quote others, with secrets blanked out.

        Parts that are also words or numbers stay, and parts so short that an id may hold them by chance: a password
        like ``counterpoise`` takes no command out of a text.
        """
        for one in self._whole:
            said = said.replace(one, BLANK)
        return _blanked(said, self._odd, at_least=_NO_CHANCE)

    def words(self, said: str, longest: int = 160) -> str:
        """Return ``said`` on one line of at most ``longest`` characters, or that it cannot be shown."""
        shown = " ".join("".join(c if c.isprintable() else " " for c in said).split())
        if said in self or shown in self:
            return HIDDEN_WORDS
        return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."


def _is_odd(gram: str) -> bool:
    """Whether ``gram`` mixes small letters, capitals and digits: then it is from no word, name or number."""
    kinds = (str.islower, str.isupper, str.isdigit)
    return sum(any(kind(c) for c in gram) for kind in kinds) > 1


def _blanked(said: str, grams: Collection[str], at_least: int = SHORTEST) -> str:
    """``said`` with every run of at least that length which ``grams`` cover made :data:`BLANK`."""
    made, kept, n = "", 0, 0
    while n <= len(said) - SHORTEST:
        if said[n : n + SHORTEST] not in grams:
            n += 1
            continue
        start, end = n, n + SHORTEST
        # as long as one begins inside the run or right behind it
        while n <= end:
            if said[n : n + SHORTEST] in grams:
                end = n + SHORTEST
            n += 1
        n = end
        if end - start >= at_least:
            made, kept = f"{made}{said[kept:start]}{BLANK}", end
    return made + said[kept:]
