"""A fault as it is described on the control door, read and checked before anything is armed.

``{match: {method, path, account}, when, kind, args, skip, times}``. Every mistake is a ``ValueError`` that says where
it stands, what was expected and what it was. A description that could never strike is a mistake too: a path nobody
answers, an account nobody has.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from counterpoise.venue.testnet.faults.arguments import mapping, one_of, refused, whole, words
from counterpoise.venue.testnet.faults.kinds import KINDS, Group, Kind, When

_KEYS = ("match", "when", "kind", "args", "skip", "times")
_METHODS = ("GET", "POST", "PUT", "DELETE")
_MOST = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which requests a fault is for; None is any. ``paths`` are patterns with ``*`` (any characters) and ``?``."""

    method: str | None = None
    paths: tuple[str, ...] = ()
    account: str | None = None

    def takes(self, method: str, path: str) -> bool:
        """Whether a request to ``path`` is one of them, whoever sends it."""
        return self.method in {None, method} and (
            not self.paths or any(fnmatchcase(path, pattern) for pattern in self.paths)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One described fault: it lets ``skip`` matching requests pass and strikes ``times`` times (None: for ever)."""

    match: Match
    when: When
    name: str
    args: Mapping[str, object]
    skip: int
    times: int | None

    @property
    def kind(self) -> Kind:
        """What its name stands for."""
        return KINDS[self.name]


def described(
    written: Mapping[str, object],
    *,
    doors: Collection[tuple[str, str]],
    accounts: Collection[str],
) -> Fault:
    """Return the fault that ``written`` describes; ``doors`` are the (method, path) that are answered. ValueError."""
    for key in written:
        if key not in _KEYS:
            raise refused(str(key), " or ".join(_KEYS), written[key])
    name = one_of(*KINDS)("kind", written.get("kind"))
    kind = KINDS[str(name)]
    args = _args(str(name), kind, mapping("args", written.get("args", {})))
    given = mapping("match", written.get("match", {}))
    if kind.method is not None:
        if given.get("method") not in {None, kind.method}:
            raise refused("match.method", f"{kind.method} for {name}", given["method"])
        given = {**given, "method": kind.method}
    match = _match(given, kind, doors, accounts)
    skip = whole(0, _MOST)("skip", written.get("skip", 0))
    return Fault(
        match=match,
        when=_when(str(name), kind, written.get("when", kind.when[0])),
        name=str(name),
        args=args,
        skip=int(str(skip)),
        times=_times(kind, args, written),
    )


def _when(name: str, kind: Kind, value: object) -> When:
    if not isinstance(value, str) or value not in kind.when:
        raise refused("when", f"{' or '.join(kind.when)} for {name}", value)
    return When(value)


def _times(kind: Kind, args: Mapping[str, object], written: Mapping[str, object]) -> int | None:
    if "times" not in written:
        reads = args.get("reads")
        return reads if isinstance(reads, int) else kind.times
    if written["times"] is None:
        return None
    return int(str(whole(1, _MOST)("times (null: until it is removed)", written["times"])))


def _args(name: str, kind: Kind, given: Mapping[str, object]) -> dict[str, object]:
    for key in given:
        if key not in kind.args:
            known = " or ".join(kind.args) or "nothing"
            raise refused(f"args.{key}", f"{known} for {name}", given[key])
    for key, argument in kind.args.items():
        if argument.needed and key not in given:
            raise ValueError(f"args.{key}: expected for {name}, was missing")
    if kind.one_of and len(given.keys() & set(kind.one_of)) != 1:
        raise refused("args", f"exactly one of {', '.join(kind.one_of)} for {name}", [*given])
    return {key: kind.args[key].check(f"args.{key}", value) for key, value in given.items()}


def _match(
    given: Mapping[str, object],
    kind: Kind,
    doors: Collection[tuple[str, str]],
    accounts: Collection[str],
) -> Match:
    for key in given:
        if key not in {"method", "path", "account"}:
            raise refused(f"match.{key}", "method, path or account", given[key])
    method, account = given.get("method"), given.get("account")
    if method is not None:
        one_of(*_METHODS)("match.method", method)
    if account is not None and account not in accounts:
        raise refused("match.account", "the key of an account", account)
    match = Match(
        method=None if method is None else str(method),
        paths=_paths(given.get("path")),
        account=None if account is None else str(account),
    )
    if not any(match.takes(*door) for door in doors):
        asked = f"{match.method or 'any method'} {' or '.join(match.paths) or 'any path'}"
        raise refused("match.path", "a method and path that this exchange answers", asked)
    if kind.group is Group.ACT and match == Match():
        raise refused("match", f"which request {kind.group} comes with", dict(given))
    return match


def _paths(given: object) -> tuple[str, ...]:
    if given is None:
        return ()
    if isinstance(given, list) and given:
        return tuple(words(f"match.path[{n}]", each) for n, each in enumerate(given))
    return (words("match.path", given),)
