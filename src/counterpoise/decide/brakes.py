"""What guards leave of overlays: a part of what a strategy wants, and no growth while an asset waits.

Both only ever take away, and letting go is never held up.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from counterpoise.decide.agreed import beyond
from counterpoise.domain.numbers import ZERO, shrink_step, split, text
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Scene

#: Strategy and the overlay it is given on the asset in question.
Given = list[tuple[str, Decimal]]


def cut_by_guards(
    strategy: str, asset: str, overlay: Decimal, scene: Scene
) -> tuple[Decimal, list[Reason]]:
    """Return the part of ``overlay`` that guards of carry and relation allow."""
    cut = scene.brakes.cuts.get((strategy, asset))
    if cut is None or overlay == 0:
        return overlay, []
    given = shrink_step(overlay * cut.share, _lot(asset, scene))
    numbers = {
        "strategy": strategy,
        "asset": asset,
        "why": cut.why.text if cut.why is not None else "",
    }
    if given == 0:
        return given, [reason("brakes_close", **numbers)]
    return given, [reason("brakes_cut", asked=text(overlay), given=text(given), **numbers)]


def held_by_basis(
    asset: str, overlays: Sequence[tuple[str, Decimal]], scene: Scene
) -> tuple[Given, list[Reason]]:
    """Return ``overlays`` so that futures on ``asset`` do not grow in all; what has to give are those that grow."""
    wait = scene.brakes.waits.get(asset)
    held = sum((h.futures for (_, a), h in scene.held.items() if a == asset), ZERO)
    wanted = sum((q for _, q in overlays), ZERO)
    if wait is None or not beyond(wanted, held):
        return list(overlays), []
    # one that changes sides first goes back to nothing
    target = held if held * wanted > 0 else ZERO
    excess = wanted - target
    changes = {s: q - scene.holding(s, asset).futures for s, q in overlays}
    growing = {s: abs(c) for s, c in changes.items() if c * excess > 0}
    if not growing:  # what strategies that are gone leave behind is not theirs to wait for
        return list(overlays), []
    shares = split(min(abs(excess), sum(growing.values(), ZERO)), growing, _lot(asset, scene))
    sign = 1 if excess > 0 else -1
    given = [(s, q - sign * shares.get(s, ZERO)) for s, q in overlays]
    note = reason(
        "basis_waits",
        asset=asset,
        asked=text(wanted),
        given=text(sum((q for _, q in given), ZERO)),
        until=wait.until.isoformat(timespec="minutes"),
        why=wait.why.text,
    )
    return given, [note]


def _lot(asset: str, scene: Scene) -> Decimal:
    listing = scene.universe.futures.get(asset)
    return listing.instrument.lot_size if listing is not None else _NO_LOT


#: The step of an asset without a contract: nothing can be traded for it.
_NO_LOT = Decimal("1e-8")
