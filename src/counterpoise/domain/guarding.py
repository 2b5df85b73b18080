"""What guards remember and what they answer: steps of the margin guard, its caps, the collateral it moved.

Quantities of contracts are base units, money is in the collateral's asset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum

from counterpoise.domain.health import Distance, Pool
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.portfolio import Contract
from counterpoise.domain.reasons import Reason
from counterpoise.domain.records import TradingState
from counterpoise.domain.transfer import Transfer

#: Guard ids: keys of their documents, names on their orders.
MARGIN = "margin"
#: Who lowers the state where too little equity is left; it remembers nothing.
EQUITY = "equity"
#: Who coins sold by the margin guard are booked to.
SELLER = "margin-guard"


class Step(IntEnum):
    """How far the margin guard has gone, each step with all before it."""

    SAFE = 0
    WARN = 1
    TOP_UP = 2
    STOP_ADDING = 3
    REDUCE = 4
    FLATTEN = 5

    @property
    def word(self) -> str:
        """Its name in configs and documents."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """What is remembered of one pool. ``caps``: symbol -> the largest own quantity (unsigned) while it is reduced.

    ``sold``: asset -> the coins the guard means to have sold in all (signed, by the hedge book's count). ``lent``: what
    it has moved into the pool and not brought back, counted up to ``lent_at``; ``spare_since``: since when there has
    been too much of it. ``asked``: how much collateral people were last told is missing.
    """

    step: int = 0
    caps: Mapping[str, Decimal] = field(default_factory=dict)
    sold: Mapping[str, Decimal] = field(default_factory=dict)
    lent: Decimal = ZERO
    lent_at: datetime | None = None
    spare_since: datetime | None = None
    asked: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a contract is set at the venue, as far as it tells."""

    leverage: Decimal | None = None
    mode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChange:
    """A setting that is no longer as it was; ``symbol`` is a contract, or the name of a setting of the whole account.

    ``stops``: nothing more may be sent because of it. ``restore``: what it is to be set back to, None: left alone.
    """

    venue: str
    symbol: str
    why: Reason
    stops: bool = False
    restore: Setting | None = None

    @property
    def key(self) -> str:
        """Names it in alerts."""
        return f"settings:{self.venue}:{self.symbol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginState:
    """The margin guard's document. ``pools``: ``venue/asset[/symbol]`` -> its state.

    ``settings``: ``venue/symbol`` -> what was found when it was first seen, or set by us since.
    """

    pools: Mapping[str, PoolState] = field(default_factory=dict)
    settings: Mapping[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCheck:
    """One pool in one look. ``missing``: collateral that would restore the distance and cannot be reached.

    ``reachable``: what could be moved into it now. ``assumed``: symbols whose margin table the venue did not tell,
    or not for a day. ``deepened``: whether this look took a step more; ``moving``: whether collateral is on its way
    into it; ``grown``: whether so much more is missing than people were told that they are told again. ``differs``:
    by how much the venue's maintenance figure is off ours (fraction), where both are known.
    """

    pool: Pool
    step: Step
    distance: Distance
    reachable: Decimal = ZERO
    missing: Decimal = ZERO
    assumed: tuple[str, ...] = ()
    differs: Decimal | None = None
    deepened: bool = False
    moving: bool = False
    grown: bool = False

    @property
    def key(self) -> str:
        """Names the pool in documents and alerts."""
        return pool_key(self.pool)


def pool_key(pool: Pool) -> str:
    """Return ``venue/asset``, with the symbol for an isolated position's own wallet."""
    tail = f"/{pool.isolated}" if pool.isolated is not None else ""
    return f"{pool.venue}/{pool.asset}{tail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowering:
    """The trading state that the guard ``by`` wants at most, and why."""

    state: TradingState
    why: Reason
    by: str = MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginVerdict:
    """What the margin guard wants done.

    ``caps``: contract -> the largest own quantity (unsigned) it may have now, ``why`` says why; ``urgent`` ones are
    closed at once.
    ``stops``: (venue, collateral) -> why nothing may be added there. ``coins``: asset -> coins the guard means to have
    sold in all, signed. ``unseen``: venues whose futures account could not be judged, and why. ``changes``: settings
    that somebody else changed.
    """

    state: MarginState = MarginState()
    checks: tuple[PoolCheck, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    caps: Mapping[Contract, Decimal] = field(default_factory=dict)
    why: Mapping[Contract, Reason] = field(default_factory=dict)
    urgent: frozenset[Contract] = frozenset()
    stops: Mapping[tuple[str, str], Reason] = field(default_factory=dict)
    coins: Mapping[str, Decimal] = field(default_factory=dict)
    lower: Lowering | None = None
    unseen: Mapping[str, Reason] = field(default_factory=dict)
    changes: tuple[SettingChange, ...] = ()


#: Where margin is not guarded.
UNGUARDED = MarginVerdict()


#: The id of the drawdown guard's document.
DRAWDOWN = "drawdown"


class Tier(IntEnum):
    """How much equity was lost, in the steps of :class:`~counterpoise.domain.policy.DrawdownPolicy`."""

    NONE = 0
    SLOW = 1
    REDUCE_ONLY = 2
    CANCEL_ONLY = 3

    @property
    def word(self) -> str:
        """Its name in configs and documents."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawdownState:
    """The drawdown guard's document. ``highs``: ISO instant (UTC) -> equity then, falling from the high on.

    All in quote, as if the flows since had been there before. ``equity`` is the last look's. ``owed``: asset -> what
    came in or went out and could not be valued yet. ``counted`` tells what equity consists of.
    """

    highs: Mapping[str, Decimal] = field(default_factory=dict)
    equity: Decimal | None = None
    tier: int = 0
    owed: Mapping[str, Decimal] = field(default_factory=dict)
    counted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawdownVerdict:
    """What the drawdown guard makes of a look. ``depth``: how far equity is below its ``high`` (a fraction).

    Figures are None while they are not known. ``following``: the next deeper tier and its level, None: there is none.
    ``slowed``: why orders that add are halved; ``why``: why the state is lowered. ``state``: None where drawdown is
    not guarded.
    """

    state: DrawdownState | None = None
    depth: Decimal | None = None
    high: Decimal | None = None
    tier: Tier = Tier.NONE
    following: tuple[Tier, Decimal] | None = None
    slowed: Reason | None = None
    lower: TradingState | None = None
    why: Reason | None = None


#: Where drawdown is not guarded.
UNMEASURED = DrawdownVerdict()
