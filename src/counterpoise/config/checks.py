"""What must fit together in a portfolio: weights, assets, strategies, money. Each problem has its place."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from counterpoise.config import strategies, units
from counterpoise.config.approving import check_approve
from counterpoise.config.draft import PortfolioDraft, SleeveDraft, StrategyDraft
from counterpoise.config.lookback import check_window
from counterpoise.config.margin_checks import check_margin
from counterpoise.config.problems import Path, nearest, spelled
from counterpoise.config.reading import Document, child_of
from counterpoise.config.section import Section, soft
from counterpoise.config.words import percent
from counterpoise.domain.numbers import ONE, ZERO
from counterpoise.domain.policy import BasisPolicy

_LIMITS = ("guards", "limits")
_MONEY = (
    ("guards", "limits", "max_order_notional"),
    ("guards", "limits", "max_position_notional"),
    ("guards", "limits", "min_equity"),
    ("guards", "margin", "keep_buffer"),
    ("guards", "margin", "max_top_up_24h"),
    ("execution", "min_volume_24h"),
)
_MAY_BE_ZERO = ("min_equity", "min_volume_24h", "keep_buffer", "max_top_up_24h")
#: What losing equity does, in the order it comes.
_TIERS = ("slow", "reduce_only", "cancel_only")
_OF_ONE_ASSET = ("hedge", "profit_ladder", "scale_in", "dip_buy")


def check_portfolio(document: Document, portfolio: PortfolioDraft, warnings: list[str]) -> None:
    """Add every problem of one portfolio to the file's problems, and what is odd but sound to ``warnings``."""
    _check_weights(document, portfolio)
    _check_assets_once(document, portfolio)
    for sleeve in portfolio.sleeves.values():
        _check_sleeve(document, portfolio, sleeve)
        _warn_of_wide_band(document, sleeve, warnings)
    _check_strategies(document, portfolio)
    _check_of_sleeves(document, portfolio, ("holdings",), quote=True)
    _check_of_sleeves(document, portfolio, ("cost_basis",), quote=False)
    _check_of_sleeves(document, portfolio, (*_LIMITS, "max_position"), quote=False)
    _check_retired(document, portfolio)
    _check_money(document, portfolio)
    check_approve(document, portfolio, warnings)
    check_margin(document, portfolio)
    _check_budgets(document, portfolio)
    _check_window(document, portfolio)
    _check_drawdown(document, portfolio)


def _check_sum(document: Document, path: Path, parts: dict[str, Decimal | None], what: str) -> None:
    shares = {name: share for name, share in parts.items() if share is not None}
    total = sum(shares.values(), ZERO)
    if not shares or len(shares) != len(parts) or total == ONE:
        return
    listed = " + ".join(f"{name} {percent(share)}" for name, share in shares.items())
    change = f"take {percent(total - ONE)} away" if total > ONE else f"add {percent(ONE - total)}"
    was = f"{percent(total)} ({listed})"
    document.complain(path, f"{what} that add up to 100%", was=was, hint=change)


def _check_weights(document: Document, portfolio: PortfolioDraft) -> None:
    weights = {name: sleeve.weight for name, sleeve in portfolio.sleeves.items()}
    _check_sum(document, (*portfolio.path, "sleeves"), weights, "sleeve weights")
    for sleeve in portfolio.sleeves.values():
        _check_sum(document, (*sleeve.path, "assets"), sleeve.assets, "shares")


def _check_assets_once(document: Document, portfolio: PortfolioDraft) -> None:
    home: dict[str, str] = {}
    for name, sleeve in portfolio.sleeves.items():
        for asset in sleeve.assets:
            if asset in home:
                expected = f"each asset in one sleeve ({asset} is in {home[asset]!r} already)"
                document.complain_of_key(
                    (*sleeve.path, "assets", asset), expected, f"{asset} again"
                )
            home.setdefault(asset, name)


def _check_sleeve(document: Document, portfolio: PortfolioDraft, sleeve: SleeveDraft) -> None:
    node = document.find(sleeve.path)
    assets = child_of(node, "assets")
    if assets is not None and assets.value == {}:
        document.complain((*sleeve.path, "assets"), "at least one asset, such as {BTC: 100%}")
    drifting = any(s.kind == "drift" for s in portfolio.strategies)
    traded = [a for a in sleeve.assets if a != portfolio.quote]
    judged = drifting and portfolio.quote is not None and traded
    if judged and child_of(node, "band") is None:
        document.complain(
            (*sleeve.path, "band"),
            "a band such as 5pp: drift must know how far the sleeve may stray",
        )
    band, inner = sleeve.band, sleeve.inner
    if band is not None and band.relative and sleeve.weight == 0:
        expected = "a band in pp, as a percentage of a weight of 0% is nothing"
        document.complain((*sleeve.path, "band"), expected)
    if band is None or inner is None or sleeve.weight is None:
        return
    if inner.width(sleeve.weight) >= band.width(sleeve.weight):
        document.complain((*sleeve.path, "inner"), "an inner band narrower than the band")


def _warn_of_wide_band(document: Document, sleeve: SleeveDraft, warnings: list[str]) -> None:
    """A band wider than the weight lets the sleeve go to nothing uncorrected."""
    node = document.find((*sleeve.path, "band"))
    if node is None or sleeve.band is None or not sleeve.weight:
        return
    width = sleeve.band.width(sleeve.weight)
    if width > sleeve.weight:
        place = spelled((*sleeve.path, "band"))
        told = (
            f"{place}: a band of {node.was.strip(chr(39))} around a weight of {percent(sleeve.weight)}"
            " leaves the sleeve alone even when nothing of it is left"
        )
        warnings.append(document.problems.located(node.place, told))


def _check_strategies(document: Document, portfolio: PortfolioDraft) -> None:
    seen: dict[str, int] = {}
    for i, strategy in enumerate(portfolio.strategies):
        if strategy.id is not None and strategy.id in seen:
            expected = f"an id of its own (strategies[{seen[strategy.id]}] has this one)"
            document.complain((*strategy.path, "id"), expected)
        elif strategy.id is not None:
            seen[strategy.id] = i
        if strategy.kind in _OF_ONE_ASSET:
            _check_asset(document, portfolio, strategy)
        section = Section(document=document, path=strategy.path)
        strategies.check(section, strategy.kind, portfolio)


def _check_asset(document: Document, portfolio: PortfolioDraft, strategy: StrategyDraft) -> None:
    traded = [a for a in portfolio.assets if a != portfolio.quote]
    if strategy.asset is None or strategy.asset in traded or not traded:
        return
    near = nearest(strategy.asset, traded)
    document.complain(
        (*strategy.path, "asset"),
        f"an asset of a sleeve and not the quote ({', '.join(traded)})",
        hint=f"did you mean {near}?" if near else "",
    )


def _check_of_sleeves(
    document: Document, portfolio: PortfolioDraft, keys: Path, *, quote: bool
) -> None:
    """Complain of assets in the mapping at ``keys`` that are in no sleeve (nor the quote, where that will do)."""
    node = document.find((*portfolio.path, *keys))
    known = [a for a in portfolio.assets if quote or a != portfolio.quote]
    if node is None or not isinstance(node.value, dict) or not known:
        return
    what = (
        "an asset of a sleeve or the quote" if quote else "an asset of a sleeve and not the quote"
    )
    for asset in node.value:
        if asset not in known:
            document.complain_of_key(
                (*portfolio.path, *keys, asset), f"{what} ({', '.join(known)})", was=repr(asset)
            )


def _check_retired(document: Document, portfolio: PortfolioDraft) -> None:
    node = document.find((*portfolio.path, "retire"))
    if node is None or not isinstance(node.value, dict):
        return
    present = {s.id for s in portfolio.strategies}
    for name in node.value:
        if name in present:
            document.complain_of_key(
                (*portfolio.path, "retire", name),
                "the id of a strategy that is no longer in strategies",
                was=f"{name!r}, which still is",
            )


def _check_budgets(document: Document, portfolio: PortfolioDraft) -> None:
    """A budget of its own is that of a strategy of the file."""
    path = (*portfolio.path, "guards", "funding", "strategies")
    node = document.find(path)
    present = [s.id for s in portfolio.strategies if s.id is not None]
    if node is None or not isinstance(node.value, dict):
        return
    for name in node.value:
        if name not in present:
            near = nearest(name, present)
            document.complain_of_key(
                (*path, name),
                "the id of a strategy",
                was=repr(name),
                hint=f"did you mean {near}?" if near else "",
            )


def _check_window(document: Document, portfolio: PortfolioDraft) -> None:
    """Fewer bars than that tell nothing of what is usual."""
    basis = Section(document=document, path=(*portfolio.path, "guards", "basis"))
    usual = BasisPolicy()
    check_window(basis, usual.window, usual.interval)


def _check_drawdown(document: Document, portfolio: PortfolioDraft) -> None:
    """There is a tier, tiers ascend, and a window belongs to them."""
    limits = (*portfolio.path, *_LIMITS)
    path = (*limits, "drawdown")
    tiers = document.find(path)
    if tiers is None:
        if document.find((*limits, "drawdown_window")) is not None:
            expected = "drawdown beside it, such as {slow: 10%}: alone it does nothing"
            document.complain((*limits, "drawdown_window"), expected)
        return
    written = {t: soft(units.part, document.find((*path, t))) for t in _TIERS}
    if tiers.value == {}:
        document.complain(path, "at least one tier, such as {slow: 10%}")
    known = [(tier, level) for tier, level in written.items() if level is not None]
    for (before, least), (tier, level) in pairwise(known):
        if level <= least:
            document.complain(
                (*path, tier),
                f"tiers that ascend: {tier} {percent(level)} above {before} {percent(least)}",
            )
            return


def _check_money(document: Document, portfolio: PortfolioDraft) -> None:
    for keys in _MONEY:
        path = (*portfolio.path, *keys)
        money = soft(units.money, document.find(path))
        if money is None or portfolio.quote is None:
            continue
        if money.asset != portfolio.quote:
            document.complain(path, f"an amount in the portfolio's quote, {portfolio.quote}")
        elif money.value == 0 and keys[-1] not in _MAY_BE_ZERO:
            document.complain(
                path, "an amount above 0", hint="to trade nothing, remove the strategies"
            )
