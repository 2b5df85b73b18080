"""What can be understood of a portfolio even when other parts of it are wrong.

Cross checks run on drafts, so that a file with a misspelt key *and* weights of 110 % tells both at once. What
cannot be read here is None; the shape check has told why.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from counterpoise.config import fields, units
from counterpoise.config.problems import Path
from counterpoise.config.reading import Document, Node, child_of
from counterpoise.config.section import soft
from counterpoise.domain.policy import Band


@dataclass(frozen=True, slots=True, kw_only=True)
class SleeveDraft:
    """A sleeve: ``assets`` maps each asset to its share of the sleeve."""

    path: Path
    weight: Decimal | None
    assets: dict[str, Decimal | None]
    band: Band | None
    inner: Band | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyDraft:
    """A strategy; ``asset`` of a kind that has one."""

    path: Path
    kind: str | None
    id: str | None
    asset: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioDraft:
    """A portfolio; ``venues`` are names with where each stands, ``cost_basis`` is in quote per unit of an asset."""

    id: str
    path: Path
    quote: str | None
    venues: dict[Path, str]
    sleeves: dict[str, SleeveDraft]
    strategies: tuple[StrategyDraft, ...]
    cost_basis: dict[str, Decimal | None]
    allow_net_short: bool

    @property
    def assets(self) -> tuple[str, ...]:
        """Every asset of every sleeve, and the quote, in the order of the file."""
        named = [a for sleeve in self.sleeves.values() for a in sleeve.assets]
        return tuple(dict.fromkeys([*named, *([self.quote] if self.quote else [])]))


def portfolios(document: Document) -> tuple[PortfolioDraft, ...]:
    """Return a draft of every portfolio of the file."""
    found = _mapping(child_of(document.root, "portfolios"))
    return tuple(_portfolio(name, node) for name, node in found.items())


def _portfolio(name: str, node: Node) -> PortfolioDraft:
    path: Path = ("portfolios", name)
    venues = _items(child_of(node, "venues"))
    strategies = _items(child_of(node, "strategies"))
    return PortfolioDraft(
        id=name,
        path=path,
        quote=soft(fields.asset, child_of(node, "quote")),
        venues={
            (*path, "venues", i): v.value for i, v in enumerate(venues) if isinstance(v.value, str)
        },
        sleeves={
            key: _sleeve((*path, "sleeves", key), sleeve)
            for key, sleeve in _mapping(child_of(node, "sleeves")).items()
        },
        strategies=tuple(
            StrategyDraft(
                path=(*path, "strategies", i),
                kind=soft(fields.text, child_of(s, "kind")),
                id=soft(fields.identifier, child_of(s, "id")),
                asset=soft(fields.asset, child_of(s, "asset")),
            )
            for i, s in enumerate(strategies)
        ),
        cost_basis={
            asset: soft(units.price, cost)
            for asset, cost in _mapping(child_of(node, "cost_basis")).items()
        },
        allow_net_short=_is_true(child_of(node, "allow_net_short")),
    )


def _sleeve(path: Path, node: Node) -> SleeveDraft:
    return SleeveDraft(
        path=path,
        weight=soft(units.share, child_of(node, "weight")),
        assets={
            asset: soft(units.share_above_zero, share)
            for asset, share in _mapping(child_of(node, "assets")).items()
        },
        band=soft(units.band, child_of(node, "band")),
        inner=soft(units.band, child_of(node, "inner")),
    )


def _is_true(node: Node | None) -> bool:
    return node is not None and node.value is True


def _mapping(node: Node | None) -> dict[str, Node]:
    return node.value if node is not None and isinstance(node.value, dict) else {}


def _items(node: Node | None) -> list[Node]:
    return node.value if node is not None and isinstance(node.value, list) else []
