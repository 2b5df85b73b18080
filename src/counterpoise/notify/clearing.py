"""What is said when a lasting condition no longer holds: the words that raised it, never its key."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoise.domain.instrument import base_of
from counterpoise.domain.numbers import text
from counterpoise.domain.order import Order, OrderState
from counterpoise.notify.margin_messages import MARGIN_AGAIN, MARGIN_GONE, pool_name
from counterpoise.notify.messages import DEAD_SINK

#: What is said when a condition of a kind no longer holds; ``{what}`` is the rest of its key.
_CLEARED = {
    "venue": "{what} answers again",
    "left_working": "What was left at the stop is watched again",
    "start_waits": "{what} may be asked again, and is watched",
    "untimely": "{what} takes our requests in time again",
    "hold": "Deciding again: no longer held by {words}",
    "frozen": "{words} at {head} is frozen no longer: every outcome is settled",
    "wrong_reply": "The outcome of order {what}, which was answered for another, is settled",
    "leaving": "{words} at {head}: every order that was to go is gone, or is wanted again",
    "order": "{words} at {head}: what became of every order is proven",
    "refused": "Orders on {head} are no longer refused ({words})",
    "position": "The position of {words} at {head} is explained again",
    "barred": "Orders on {what} are taken again, or none is needed",
    "rejected": "Orders on {what} are taken again",
    "key": "The key is accepted again",
    "drawdown": "Equity no longer asks for {words}",
    "dead_man": "The countdown that takes orders down without us runs again",
    "margin": "{pool}: {margin}",
    "collateral": "{pool}: no collateral is missing any more",
    "margin_unseen": "The margin at {what} can be judged again",
    "margin_differs": "{pool}: the venue's margin figure agrees with ours again",
    "margin_table": "The margin table of {what} is known",
    "transfer": "The outcome of transfer {what} is settled",
    "carry": "{line}: its carry is within its budget again",
    "carry_ask": "{line}: its carry is within its budget again",
    "basis": "{contract} stands as near to its coin as usual again",
    "basis_late": "{contract} stands as near to its coin as usual again, after adding had gone on",
    "cross": "The cross hedge {what} stands on a good relation again, or is over",
    "cross_unmeasured": "The relation of the cross hedge {what} can be measured again, or it is over",
    "look": "Looking works again",
    "price": "The prices of {words} at {head} are believed again",
    "inactive": "{what} trades again, or nothing is held or wanted there any more",
    "off_peg": "{what} is with its peers again",
    "residue": "{what} is where it shall be, or enough is missing to be traded",
    "settings": "{words} at {head}: as it was, or taken as it is now",
    "sink": "{what} takes alerts again",
    "unrestored": "{words} at {head} no longer has to be set back",
}


#: Codes of reasons in a word or two; one that is not here is told by its own words.
_WORDS = {
    "not_valued": "what could not be valued",
    "cancel_only": "CANCEL_ONLY",
    "reduce_only": "REDUCE_ONLY",
    "slow": "halved orders",
    "stale": "old prices or balances",
    "equity_too_low": "too little equity",
    "wallet_gone": "an empty wallet",
    "ahead": "clocks that disagree",
    "price_apart": "prices that disagree",
    "price_jumped": "a price that jumped",
    "flow_unconfirmed": "a balance nobody explained",
    "convert_apart": "spot and contract to meet",
    "convert_coins_locked": "free coins",
    "convert_no_pair": "a spot pair",
    "convert_quote_short": "money in the spot wallet",
    "convert_spread": "a narrower spread",
}


#: Kinds whose key ends with a venue and a name that has colons of its own.
_NAMED = frozenset({"frozen", "leaving", "order", "position", "price", "settings", "unrestored"})


def cleared_text(key: str, *, gone: bool = False) -> str:
    """Return what is said when the condition ``key`` no longer holds.

    ``gone``: of a pool in which nothing is left that could be liquidated; of a sink that the config names no more.
    """
    kind, _, what = key.partition(":")
    if kind == DEAD_SINK and gone:
        return f"{what} is told nothing any more: the config does not name it"
    if kind == "waits" and what.count(":") == 2:
        strategy, code, asset = what.split(":")
        return f"{strategy}: its conversion of {asset} no longer waits for {_plain(code)}"
    if kind == "refused":
        # a contract's symbol has a colon of its own
        head, _, rest = what.rpartition(":")
    else:
        head, _, rest = what.partition(":")
    step = what.rpartition(":")[2]
    words = rest or head if kind in _NAMED else _plain(rest or head)
    return _CLEARED.get(kind, "No longer so: {what}").format(
        what=what,
        head=head,
        words=words,
        pool=_pool(what.removesuffix(f":{step}") if kind == "margin" else what),
        line=_line(what),
        contract=_contract(what),
        margin=_margin(step, gone=gone),
    )


def orders_found(venue: str, symbol: str, orders: Sequence[Order]) -> str:
    """Return what is said of a contract's orders whose outcome was not proven, once it is, each by itself."""
    if len(orders) == 1:
        return order_found(orders[0])
    each = "; ".join(
        f"{o.side.value} {text(o.qty)} {base_of(symbol)} ({o.client_order_id}): {_found(o)}"
        for o in orders
    )
    return f"The outcome of {len(orders)} orders on {symbol} at {venue} is settled: {each}"


def order_found(order: Order) -> str:
    """Return what is said of an order whose outcome was not proven, once it is."""
    what = f"{order.side.value} {text(order.qty)} {order.symbol} at {order.venue} ({order.client_order_id})"
    return f"The outcome of {what} is settled: {_found(order)}"


def _found(order: Order) -> str:
    filled = f"{text(order.filled_qty)} of it filled"
    match order.state:
        case OrderState.REJECTED if order.is_absent:
            return "it never reached the venue"
        case OrderState.REJECTED:
            return (
                f"the venue refused it ({order.reason})" if order.reason else "the venue refused it"
            )
        case OrderState.FILLED:
            return "it filled"
        case OrderState.CANCELED | OrderState.EXPIRED:
            return f"it has ended ({order.state.value.lower()}), {filled}"
        case _:
            return f"it is open, {filled}"


def _margin(step: str, *, gone: bool) -> str:
    return (MARGIN_GONE if gone else {}).get(step) or MARGIN_AGAIN.get(step, step)


def _pool(key: str) -> str:
    """A pool's key in the words that raised it."""
    venue, _, rest = key.partition("/")
    asset, _, isolated = rest.partition("/")
    return pool_name(venue, asset, isolated or None)


def _line(key: str) -> str:
    """The key of a strategy's line in a contract, in words."""
    strategy, _, rest = key.partition("/")
    return f"{strategy} in {_contract(rest)}"


def _contract(key: str) -> str:
    venue, _, symbol = key.partition("/")
    return f"{symbol} at {venue}"


def _plain(code: str) -> str:
    return _WORDS.get(code, code.replace("_", " "))
