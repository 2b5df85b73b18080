"""The control door: how tests, demos and replays move the market and read the truth.

``POST /_control/advance``, ``/_control/price``, ``/_control/account``, ``/_control/deposit``,
``/_control/withdraw``, ``/_control/adl``, ``GET /_control/log``, ``/_control/state``, and ``/_control/fault`` (POST,
GET, and DELETE of ``/_control/fault/ID``): JSON both ways, Decimals as strings, times in ms. It needs no key: whoever
reaches the address reaches it, which is why a testnet is bound to the loopback unless told otherwise. It acts on the
exchange itself and knows no dialect; bad input is a 400 that says what was expected and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl

from counterpoise.domain.numbers import dec, text
from counterpoise.venue.sim import KeyRights, MarketKind, SimExchange, SimOrder, SimReject, Wallet
from counterpoise.venue.sim.log import ms_of
from counterpoise.venue.testnet.balances import parse_balance
from counterpoise.venue.testnet.faults import FaultDoor
from counterpoise.venue.testnet.http import Request, Response, json_response

PREFIX = "/_control/"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The last millisecond of the year 9999.
LAST_MS = 253_402_300_799_999
LONGEST_STEP_S = dec(10 * 366 * 86_400)


class Control:
    """Answers the control door of one exchange."""

    def __init__(self, exchange: SimExchange, faults: FaultDoor) -> None:
        self._exchange = exchange
        self._faults = faults
        self._doors: Mapping[tuple[str, str], Callable[[Request], object]] = {
            ("POST", "advance"): self._advance,
            ("POST", "price"): self._price,
            ("POST", "account"): self._account,
            ("POST", "deposit"): self._deposit,
            ("POST", "withdraw"): self._withdraw,
            ("POST", "adl"): self._adl,
            ("GET", "log"): self._log,
            ("GET", "state"): self._state,
            ("POST", "fault"): lambda request: self._faults.arm(_body(request)),
            ("GET", "fault"): lambda _request: self._faults.listed(),
        }

    def handle(self, request: Request) -> Response:
        """Return the reply; 404 for an unknown door, 400 for input that is not as expected."""
        name = request.path.removeprefix(PREFIX)
        kind, _, number = name.partition("/")
        if request.method == "DELETE" and kind == "fault" and number:
            return self._disarm(number)
        door = self._doors.get((request.method, name))
        if door is None:
            known = ", ".join(f"{method} {PREFIX}{door}" for method, door in self._doors)
            known += f", DELETE {PREFIX}fault/ID"
            return json_response(
                {"error": f"expected one of {known}, was {request.method} {request.path}"},
                status=404,
            )
        try:
            return json_response(door(request))
        except (ValueError, TypeError) as error:
            return json_response({"error": str(error)}, status=400)
        except SimReject as reject:
            return json_response({"error": reject.text, "code": reject.code.value}, status=400)

    def _disarm(self, number: str) -> Response:
        counts = self._faults.remove(number)
        if counts is None:
            return json_response(
                {"error": f"fault: expected the id of one, was {number!r}"}, status=404
            )
        return json_response(counts)

    def _advance(self, request: Request) -> object:
        seconds = _number(_body(request), "seconds")
        if not 0 <= seconds <= LONGEST_STEP_S:
            raise ValueError(f"seconds: expected 0 to {LONGEST_STEP_S}, was {text(seconds)}")
        self._exchange.advance(seconds)
        return {"now": ms_of(self._exchange.now)}

    def _price(self, request: Request) -> object:
        body = _body(request)
        symbol, price = body.get("symbol"), _number(body, "price")
        if not isinstance(symbol, str):
            raise TypeError(f"symbol: expected a text such as BTCUSDT, was {symbol!r}")
        self._exchange.set_price(symbol, price, _market(body.get("market")))
        return {"now": ms_of(self._exchange.now)}

    def _account(self, request: Request) -> object:
        """Open an account with ``balance``, or with ``account`` change one; rights and mode in either case.

        ``withdraw`` and ``ip_restrict`` (true or false), ``expires_at`` (ms or null), ``two_sided`` (true or false);
        what is not named stays as it is.
        """
        body = _body(request)
        if "account" in body:
            key = self._named(body)
            rights, two_sided = self._claimed(body, self._exchange.rights(key)), _flag(body)
        else:
            rights, two_sided = self._claimed(body, KeyRights()), _flag(body)
            key = self._exchange.open_account(parse_balance(_balance(body))).api_key
        self._exchange.set_rights(key, rights)
        if two_sided is not None:
            self._exchange.set_position_mode(key, two_sided=two_sided, by_force=True)
        return {"api_key": key, "secret": self._exchange.secret_of(key)}

    @staticmethod
    def _claimed(body: Mapping[str, object], before: KeyRights) -> KeyRights:
        withdraw, ip_restrict = _flag(body, "withdraw"), _flag(body, "ip_restrict")
        return KeyRights(
            withdraw=before.withdraw if withdraw is None else withdraw,
            ip_restrict=before.ip_restrict if ip_restrict is None else ip_restrict,
            expires_at=_instant(body, "expires_at") if "expires_at" in body else before.expires_at,
        )

    def _adl(self, request: Request) -> object:
        body = _body(request)
        key, symbol = self._named(body), body.get("symbol")
        if not isinstance(symbol, str):
            raise TypeError(f"symbol: expected a text such as BTCUSDT, was {symbol!r}")
        trade = self._exchange.deleverage(key, symbol, _number(body, "qty"))
        return {"trade_id": trade.trade_id, "price": text(trade.price), "qty": text(trade.qty)}

    def _named(self, body: Mapping[str, object]) -> str:
        """Return the key of ``account``; without one the first account is meant."""
        accounts = self._exchange.accounts()
        account = body.get("account")
        if account is None and accounts:
            account = accounts[0]
        if not isinstance(account, str) or account not in accounts:
            raise ValueError(f"account: expected the key of an account, was {account!r}")
        return account

    def _deposit(self, request: Request) -> object:
        return {"id": self._exchange.deposit(*self._flow(_body(request)))}

    def _withdraw(self, request: Request) -> object:
        return {"id": self._exchange.withdraw(*self._flow(_body(request)))}

    def _flow(self, body: Mapping[str, object]) -> tuple[str, Wallet, str, Decimal]:
        """Read ``{account?, wallet, asset, qty}``; without ``account`` the first one is meant."""
        account, wallet, asset = self._named(body), body.get("wallet"), body.get("asset")
        if wallet not in tuple(Wallet):
            raise ValueError(f"wallet: expected {' or '.join(Wallet)}, was {wallet!r}")
        if not isinstance(asset, str):
            raise TypeError(f"asset: expected a text such as BTC, was {asset!r}")
        return account, Wallet(str(wallet)), asset, _number(body, "qty")

    def _log(self, request: Request) -> object:
        sent = dict(parse_qsl(request.query)).get("after", "0")
        if not sent.isdecimal():
            raise ValueError(f"after: expected a whole number >= 0, was {sent!r}")
        events = self._exchange.log.after(int(sent))
        return {"events": events, "next": self._exchange.log.next_seq}

    def _state(self, _request: Request) -> object:
        return {
            "now": ms_of(self._exchange.now),
            "accounts": {key: self._account_state(key) for key in self._exchange.accounts()},
        }

    def _account_state(self, key: str) -> dict[str, object]:
        view = self._exchange.account(key)
        return {
            "wallets": {
                "spot": {
                    asset: {"free": text(one.free), "locked": text(one.locked)}
                    for asset, one in sorted(view.spot.items())
                },
                "futures": {
                    asset: {
                        "wallet_balance": text(one.wallet_balance),
                        "unrealized_pnl": text(one.unrealized_pnl),
                        "margin_balance": text(one.margin_balance),
                        "available": text(one.available),
                        "cross_balance": text(one.cross_balance),
                        "maintenance_margin": text(one.maintenance_margin),
                        "margin_ratio": _or_none(one.margin_ratio),
                    }
                    for asset, one in sorted(view.futures.items())
                },
            },
            "positions": [
                {
                    "symbol": one.symbol,
                    "qty": text(one.qty),
                    "entry_price": _or_none(one.entry_price),
                    "mark_price": text(one.mark_price),
                    "unrealized_pnl": text(one.unrealized_pnl),
                    "leverage": one.leverage,
                    "margin_type": one.margin_type.value,
                    "maintenance_margin": text(one.maintenance_margin),
                    "margin_ratio": _or_none(one.margin_ratio),
                    "liquidation_price": _or_none(one.liquidation_price),
                    "isolated_wallet": text(one.isolated_wallet),
                }
                for one in view.positions
            ],
            "open_orders": [
                _order(order)
                for kind in MarketKind
                for order in self._exchange.orders(key, kind, open_only=True)
            ],
        }


def _or_none(value: Decimal | None) -> str | None:
    return None if value is None else text(value)


def _order(order: SimOrder) -> dict[str, object]:
    return {
        "market": order.kind.value,
        "symbol": order.symbol,
        "order_id": order.order_id,
        "client_id": order.client_order_id,
        "side": order.side.value,
        "qty": text(order.qty),
        "filled_qty": text(order.filled_qty),
        "price": _or_none(order.price),
        "reduce_only": order.reduce_only,
        "created_at": ms_of(order.created_at),
    }


def _body(request: Request) -> Mapping[str, object]:
    try:
        body = json.loads(request.body or "{}", parse_float=dec)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"body: expected a JSON object, was {error}") from None
    if not isinstance(body, dict):
        raise TypeError(f"body: expected a JSON object, was {type(body).__name__}")
    return body


def _balance(body: Mapping[str, object]) -> str:
    balance = body.get("balance")
    if isinstance(balance, Mapping):
        balance = ",".join(f"{asset}={qty}" for asset, qty in balance.items())
    if not isinstance(balance, str):
        raise TypeError(f'balance: expected {{"BTC": "1"}} or "BTC=1", was {balance!r}')
    return balance


def _flag(body: Mapping[str, object], name: str = "two_sided") -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"{name}: expected true or false, was {value!r}")
    return value


def _instant(body: Mapping[str, object], name: str) -> datetime | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LAST_MS:
        raise TypeError(f"{name}: expected ms since 1970 or null, was {value!r}")
    return EPOCH + timedelta(milliseconds=value)


def _number(body: Mapping[str, object], name: str) -> Decimal:
    value = body.get(name)
    if not isinstance(value, str | int | Decimal) or isinstance(value, bool):
        raise TypeError(f"{name}: expected a number, was {value!r}")
    try:
        return dec(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _market(value: object) -> MarketKind | None:
    if value is None:
        return None
    try:
        return MarketKind(str(value))
    except ValueError:
        raise ValueError(f"market: expected spot or perp, was {value!r}") from None
