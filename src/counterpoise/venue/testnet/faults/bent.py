"""The replies that faults make. ``whole`` is what the dialect would have said; asking for it may have its effect."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.numbers import dec, text
from counterpoise.venue.sim.log import ms_of
from counterpoise.venue.testnet.faults.armed import Armed
from counterpoise.venue.testnet.http import Delivery, Request, Response, json_response
from counterpoise.venue.testnet.lens import Dialect, Refusal

#: Kinds that need the true reply to bend it; the others put something else in its place.
BENT = frozenset({"truncate", "cut", "alter", "delay"})
#: How long a caller is banned that goes on asking after a 429, unless the fault says.
BAN_S = Decimal(120)
#: "Timeout waiting for response from backend server.": it may have been done.
_TIMED_OUT = -1007
_HTML = {"Content-Type": "text/html"}


def reply(
    armed: Armed,
    request: Request,
    whole: Callable[[], Response],
    *,
    dialect: Dialect,
    now: datetime,
) -> Response:
    """Return the reply that ``armed`` makes of a request; ``whole`` is called by the kinds of :data:`BENT` only."""
    args = armed.fault.args
    match armed.fault.name:
        case "timeout":
            return Response(status=200, body="", delivery=Delivery.NEVER)
        case "reset":
            return Response(status=200, body="", delivery=Delivery.RESET)
        case "delay":
            return replace(whole(), delay_s=_number(args["seconds"]))
        case "truncate":
            full = whole()
            length = len(full.body.encode())
            cut_at = min(_whole(args.get("bytes"), length // 2), max(length - 1, 0))
            return replace(full, delivery=Delivery.CUT, cut_at=cut_at)
        case "cut":
            full = whole()
            length = len(full.body)
            return replace(full, body=full.body[: _whole(args.get("bytes"), length // 2)])
        case "alter":
            return _altered(armed, whole(), args["set"])
        case "empty":
            return Response(status=_whole(args.get("status"), 200), body="")
        case "html":
            return _page(_whole(args.get("status"), 502), str(args.get("title", "Bad Gateway")))
        case "reply":
            return _given(args)
        case "code":
            return dialect.refuse(coded(armed, request, dialect))
        case "rate_limit":
            return dialect.refuse(_limited(armed, request, dialect, now))
        case _:
            return dialect.refuse(dialect.down(request))


def _page(status: int, title: str) -> Response:
    page = f"<html><head><title>{title}</title></head><body><h1>{status} {title}</h1></body></html>"
    return Response(status=status, body=page, headers=_HTML)


def _given(args: Mapping[str, object]) -> Response:
    status, body, extra = _whole(args.get("status"), 200), args["body"], args.get("headers")
    headers = {str(k): str(v) for k, v in extra.items()} if isinstance(extra, Mapping) else {}
    if isinstance(body, str):
        return Response(status=status, body=body, headers={"Content-Type": "text/plain", **headers})
    return json_response(_json(body), status=status, headers=headers)


def _altered(armed: Armed, full: Response, changes: object) -> Response:
    """Return the reply with other fields at the top of its JSON object; what is no object stays as it is."""
    try:
        payload = json.loads(full.body)
    except ValueError:
        payload = None
    if not isinstance(payload, dict) or not isinstance(changes, Mapping):
        armed.problem = "expected a reply with a JSON object, was another"
        return full
    body = json.dumps({**payload, **{str(k): _json(v) for k, v in changes.items()}})
    return replace(full, body=body)


def coded(armed: Armed, request: Request, dialect: Dialect) -> Refusal:
    """Return the refusal that ``armed`` describes, as documented where it does not say; by default a time-out's."""
    args = armed.fault.args
    code = _whole(args.get("code"), _TIMED_OUT)
    known = dialect.documented(request.path, code)
    base = known or Refusal(status=400, code=code, msg="An error of a test.", headers={})
    extra = args.get("headers")
    return replace(
        base,
        status=_whole(args.get("status"), base.status),
        msg=str(args.get("msg", base.msg)),
        headers={**base.headers, **(extra if isinstance(extra, Mapping) else {})},
    )


def _limited(armed: Armed, request: Request, dialect: Dialect, now: datetime) -> Refusal:
    """Return 429 until its time is over, and a ban for one that asks meanwhile."""
    args = armed.fault.args
    if armed.frozen_until is not None and now < armed.frozen_until and armed.banned_until is None:
        armed.banned_until = now + _span(_number(args.get("ban", BAN_S)))
    if armed.banned_until is not None and now >= armed.banned_until:
        armed.banned_until = None
        armed.frozen_until = None
    if armed.banned_until is None and (armed.frozen_until is None or now >= armed.frozen_until):
        armed.frozen_until = now + _span(_number(args["retry_after"]))
    until = armed.banned_until or armed.frozen_until or now
    return dialect.too_fast(
        request.path,
        until_ms=ms_of(until),
        now_ms=ms_of(now),
        banned=armed.banned_until is not None,
    )


def _span(seconds: Decimal) -> timedelta:
    return timedelta(milliseconds=int(seconds * 1_000))


def _number(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else dec(str(value))


def _whole(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise


def _json(value: object) -> object:
    """Return what was parsed with exact numbers as plain JSON data again, numbers with a fraction as text."""
    match value:
        case Decimal():
            return text(value)
        case Mapping():
            return {str(key): _json(each) for key, each in value.items()}
        case list():
            return [_json(each) for each in value]
        case _:
            return value
