"""What people are told about lost equity."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from counterpoise.domain.events import Severity
from counterpoise.domain.guarding import DrawdownVerdict, Tier


def drawdown_conditions(
    verdict: DrawdownVerdict, raised: Collection[str] = ()
) -> Iterator[tuple[str, tuple[Severity, str]]]:
    """Yield the tier that holds, by key ``drawdown:<tier>``: raised and cleared once.

    Milder ones that were told before (``raised``) are not over while a deeper one holds.
    """
    if verdict.tier is Tier.NONE:
        return
    for tier in Tier:
        milder = f"drawdown:{tier.word}"
        if tier < verdict.tier and milder in raised:
            yield milder, (Severity.WARNING, "")
    key = f"drawdown:{verdict.tier.word}"
    if verdict.slowed is not None:
        yield key, (Severity.WARNING, f"Drawdown: {verdict.slowed.text}")
    elif verdict.why is not None:
        said = f"Drawdown: {verdict.why.text}; after resume it is measured from the equity then"
        yield key, (Severity.CRITICAL, said)
    else:
        # not valued now: it goes on as told
        yield key, (Severity.WARNING, "Drawdown cannot be measured now, what it asked for stays")
