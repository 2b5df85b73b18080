"""What the rules engine wants, before anyone asks how: overlays and coins per strategy, positions per contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.reasons import Reason
from counterpoise.domain.strategy import StrategyState


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one strategy wants of one asset, and why.

    ``overlay``: in futures, signed base units. ``coins``: what it shall have traded in coins all in all, by the
    hedge book's count (signed base units, net of fees in the coin); None: nothing of its own is under way there.
    ``given``: what is left of the overlay after the net-short clamp and what an operator has yet to approve; the
    engine fills it in. ``waits_for`` says what would have to change for it to act.
    """

    strategy: str
    kind: str
    asset: str
    overlay: Decimal
    previous: Decimal
    reason: Reason
    coins: Decimal | None = None
    given: Decimal | None = None
    waits_for: tuple[Reason, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether this cycle changed the strategy's mind."""
        return self.overlay != self.previous

    @property
    def granted(self) -> Decimal:
        """The overlay that may be held: ``given``, or the whole of it where nothing was cut."""
        return self.overlay if self.given is None else self.given


@dataclass(frozen=True, slots=True, kw_only=True)
class Wakeups:
    """When a strategy wants to look again: at an instant, or when an asset's price reaches a level (quote).

    ``soon``: at the very next cycle, because something was seen once and has to be seen twice. A replay that leaves
    cycles out must not leave that one out: a wick would count as a row.
    """

    soon: bool = False
    at: datetime | None = None
    above: Mapping[str, Decimal] = field(default_factory=dict)
    below: Mapping[str, Decimal] = field(default_factory=dict)

    def __or__(self, other: Wakeups) -> Wakeups:
        """Either of two: the earlier instant, the nearer levels."""
        instants = [at for at in (self.at, other.at) if at is not None]
        return Wakeups(
            soon=self.soon or other.soon,
            at=min(instants, default=None),
            above=_joined(self.above, other.above, min),
            below=_joined(self.below, other.below, max),
        )


def _joined(
    one: Mapping[str, Decimal],
    other: Mapping[str, Decimal],
    nearer: Callable[[Decimal, Decimal], Decimal],
) -> dict[str, Decimal]:
    return {
        asset: nearer(one.get(asset, other[asset]), other[asset]) if asset in other else one[asset]
        for asset in sorted({*one, *other})
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One strategy's answer of one cycle: a decision per asset it may move, and the state it goes on with."""

    decisions: tuple[Decision, ...]
    state: StrategyState
    wakeups: Wakeups = Wakeups()


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """The position wanted in one contract: foreign baseline + sum of overlays, signed base units.

    ``why`` is the sentence of every strategy that changed its mind (of all that want something, if none did), or of
    the guard that keeps it from what it wants; ``guarded``: the margin guard is why it moves.
    """

    venue: str
    symbol: str
    asset: str
    qty: Decimal
    why: str = field(
        default="", compare=False
    )  # told to people; the same want in other words is no other want
    guarded: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """The engine's whole answer. ``effective_targets`` are weights: shape target + the other overlays."""

    decisions: tuple[Decision, ...]
    states: Mapping[str, StrategyState]
    effective_targets: Mapping[str, Decimal]
    notes: tuple[Reason, ...] = ()
    wakeups: Mapping[str, Wakeups] = field(default_factory=dict)
