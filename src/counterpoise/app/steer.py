"""What the operator commands do: judge a word by what the database says, and write it there as one audited row.

Nothing here asks an exchange or the daemon; the daemon reads the row at the start of its next cycle and has the last
word. A word that would change nothing is not written. Bad input writes nothing either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterpoise.app.desk import Desk, Voice, already, desk_of, unwritten, written
from counterpoise.app.moments import resolved
from counterpoise.app.shape import reshaped
from counterpoise.config.problems import nearest, one_of
from counterpoise.config.settings import Outline
from counterpoise.domain.errors import ConfigError, SafetyRefusal
from counterpoise.domain.instants import shown_at
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import significant, text
from counterpoise.domain.operator import (
    Approval,
    ApprovalState,
    Command,
    CommandKind,
    TargetOverride,
)
from counterpoise.domain.records import TradingState
from counterpoise.domain.steering import (
    ASKS,
    CLEAR_ARGS,
    CONVERTS,
    ONE_SHOT,
    is_meant,
    override_args,
    shown_weight,
    steered,
)
from counterpoise.domain.strategy import from_document

#: So many of the newest requests are looked through for the one that is answered.
_MANY = 1000


async def steer(
    outline: Outline, portfolio: str, kind: CommandKind, voice: Voice
) -> dict[str, Any]:
    """Ask for a trading state, or for own futures to be closed; return what will happen.

    Raises ConfigError for a portfolio that was never run, SafetyRefusal where the state forbids it, StoreError.
    """
    async with desk_of(outline, portfolio, voice) as desk:
        command = desk.command(kind, voice)
        before = desk.after
        step = steered(before, command, desk.now)
        if step.refused:
            raise SafetyRefusal(f"portfolio {portfolio}: {kind.value}: {step.answer}")
        if step.record == before:
            return unwritten(desk, already(desk, step.answer))
        effect = _effect(desk, kind)
        if before.flattening and not step.record.flattening:
            effect += "; own futures are no longer closed, what is left of them stays on"
        return await written(desk, command, effect)


async def ask_strategy(
    outline: Outline,
    portfolio: str,
    kind: CommandKind,
    strategy: str,
    at: str | None,
    voice: Voice,
) -> dict[str, Any]:
    """Say a word to a strategy, due at ``at`` (an instant or a time from now) or at once.

    Raises ConfigError for an unknown strategy, one of a kind that cannot do it, or an ``at`` that is over;
    SafetyRefusal while own futures are being closed; StoreError.
    """
    async with desk_of(outline, portfolio, voice) as desk:
        found = desk.outline.strategies.get(strategy)
        if found is None:
            raise _unknown("strategy", strategy, desk.outline.strategies)
        if kind is CommandKind.CONVERT and found not in CONVERTS:
            able = one_of(sorted(CONVERTS))
            raise ConfigError(
                [f"convert: expected a strategy of kind {able}, was {strategy}, a {found}"]
            )
        due_at = resolved("--at", at, desk.now) if at is not None else None
        if desk.after.flattening and kind in {CommandKind.START, CommandKind.CONVERT}:
            raise SafetyRefusal(
                f"portfolio {portfolio}: {kind.value} {strategy}: own futures are being closed: resume first"
            )
        command = desk.command(kind, voice, {"strategy": strategy}, due_at)
        for known in _waiting(desk):
            if (known.kind, known.args, known.due_at) == (kind, command.args, due_at):
                return unwritten(desk, f"already asked for: {known.id} waits for the daemon")
        effect = f"{strategy} {_said(desk, kind, strategy, found)}"
        if kind is CommandKind.CONVERT:
            effect += _coins(desk, strategy)
        if due_at is not None:
            effect += (
                f", at {shown_at(due_at)} (until then `strategy withdraw {strategy}` takes it back)"
            )
        if desk.after.trading_state is not TradingState.RUN:
            effect += f" (the portfolio is {desk.after.trading_state.value}: resume lets it trade)"
        return await written(desk, command, effect)


async def withdraw(
    outline: Outline, portfolio: str, strategy: str, word: str | None, voice: Voice
) -> dict[str, Any]:
    """Take back what waits for ``strategy``: the word with the id ``word``, or all of them.

    Raises ConfigError for an unknown strategy, or where nothing such waits; StoreError.
    """
    async with desk_of(outline, portfolio, voice) as desk:
        args = {"strategy": strategy, **({"word": word} if word is not None else {})}
        command = desk.command(CommandKind.WITHDRAW, voice, args)
        known = _waiting(desk)
        # a strategy that left the config may still have words that wait
        if strategy not in desk.outline.strategies and not any(
            c.args["strategy"] == strategy for c in known
        ):
            raise _unknown("strategy", strategy, desk.outline.strategies)
        meant = [c for c in known if is_meant(command, c)]
        if not meant:
            waiting = [c.id for c in known if c.args["strategy"] == strategy]
            expected = f"one of {', '.join(waiting)}" if word and waiting else "a word that waits"
            was = repr(word) if word is not None else "none"
            raise ConfigError([f"withdraw {strategy}: expected {expected}, was {was}"])
        shown = ", ".join(_shown_word(c) for c in meant)
        return await written(desk, command, f"{strategy} is not told any more: {shown}")


def _waiting(desk: Desk) -> list[Command]:
    """The words to strategies that still wait and that nobody has taken back."""
    waiting: list[Command] = []
    for command in desk.recorded.commands:
        if command.kind is CommandKind.WITHDRAW:
            waiting = [c for c in waiting if not is_meant(command, c)]
        elif command.kind in ASKS:
            waiting.append(command)
    return waiting


def _shown_word(command: Command) -> str:
    due = f" at {shown_at(command.due_at)}" if command.due_at is not None else ""
    return f"{command.kind.value}{due} ({command.id})"


async def untarget(outline: Outline, portfolio: str, voice: Voice) -> dict[str, Any]:
    """Let the config's weights hold again, now. Raises ConfigError, StoreError."""
    async with desk_of(outline, portfolio, voice) as desk:
        command = desk.command(CommandKind.TARGET, voice, CLEAR_ARGS)
        step = steered(desk.after, command, desk.now)
        if step.record == desk.after:
            return unwritten(desk, already(desk, step.answer))
        return await written(desk, command, step.answer)


async def retarget(
    outline: Outline, portfolio: str, weights: tuple[str, ...], until: str, voice: Voice
) -> dict[str, Any]:
    """Give the sleeves in ``weights`` (``SLEEVE=WEIGHT``) other weights until ``until``; the others share the rest.

    Raises ConfigError for weights or an instant that do not fit; StoreError.
    """
    async with desk_of(outline, portfolio, voice) as desk:
        shape = reshaped(weights, desk.outline.sleeves)
        until_at = resolved("--until", until, desk.now)
        override = TargetOverride(weights=shape.weights, until_at=until_at)
        command = desk.command(CommandKind.TARGET, voice, override_args(override))
        before = desk.after
        step = steered(before, command, desk.now, set(desk.outline.sleeves))
        if step.refused:
            raise ConfigError([f"target: {step.answer}"])
        if step.record == before:
            return unwritten(desk, already(desk, step.answer))
        effect = (
            f"{step.answer}; then the config's weights hold again (`target --clear` ends it sooner)"
        )
        if shape.shared:
            shared = ", ".join(f"{s} {shown_weight(shape.weights[s])}" for s in shape.shared)
            effect += f". Not named, so sharing the rest as the config shares it: {shared}"
        return await written(desk, command, effect)


async def reply(
    outline: Outline, portfolios: tuple[str, ...], kind: CommandKind, approval: str, voice: Voice
) -> dict[str, Any]:
    """Approve or deny the request ``approval`` of one of ``portfolios``.

    Raises ConfigError for a request that nobody made or that is settled; StoreError.
    """
    known: list[str] = []
    for name in portfolios:
        async with desk_of(outline, name, voice) as desk:
            requests = await desk.record.store.approvals(name, _MANY)
            found = next((a for a in requests if a.id == approval), None)
            if found is not None:
                return await _replied(desk, kind, found, voice)
            known += [a.id for a in requests if a.state is ApprovalState.WAITING]
    waiting = f"one that waits ({', '.join(known)})" if known else "none: no request waits"
    raise ConfigError([f"{kind.value}: expected the id of a request, {waiting}, was {approval!r}"])


async def _replied(
    desk: Desk, kind: CommandKind, approval: Approval, voice: Voice
) -> dict[str, Any]:
    over = approval.deadline_at <= desk.now
    if approval.state is ApprovalState.EXPIRED or (
        over and approval.state is ApprovalState.WAITING
    ):
        told = (
            f"{kind.value}: request {approval.id} expired at {shown_at(approval.deadline_at)} and counts as denied;"
            f" `counterpoise strategy start {approval.strategy}` lifts its limit"
        )
        raise ConfigError([told])
    if approval.state is ApprovalState.MOOT:
        gone = "it is not wanted any more, or a newer one took its place"
        raise ConfigError([f"{kind.value}: request {approval.id} no longer stands: {gone}"])
    if approval.state is not ApprovalState.WAITING:
        raise ConfigError(
            [f"{kind.value}: request {approval.id} is {approval.state.value} already"]
        )
    command = desk.command(kind, voice, {"approval": approval.id})
    # as long as a yes waits for the daemon it can be taken back with a no
    said = {c.kind: c for c in desk.recorded.commands if c.args == command.args}
    known = said.get(CommandKind.DENY) or said.get(kind)
    if known is not None:
        told = f"already answered: {known.kind.value} ({known.id}) waits for the daemon"
        return unwritten(desk, told)
    qty = approval.wanted if kind is CommandKind.APPROVE else approval.cap
    may = "may take its futures to" if kind is CommandKind.APPROVE else "stays at"
    return await written(
        desk, command, f"{approval.strategy} {may} {text(significant(qty))} {approval.asset}"
    )


def _said(desk: Desk, kind: CommandKind, strategy: str, what: str) -> str:
    """What a word means to a strategy of the kind ``what``, where it is in its life."""
    if kind is CommandKind.RELEASE:
        return _RELEASES.get(what, _WORDS[CommandKind.CANCEL]).format(strategy=strategy)
    record = desk.recorded.strategies.get(strategy)
    if kind is CommandKind.START and record is not None and record.kind == what:
        phase = record.document.get("phase", "stopped" if record.document.get("stopped") else "on")
        if phase not in _STARTABLE:
            return f"has not ended: start changes nothing as long as it is {phase}"
    return _WORDS[kind]


def _coins(desk: Desk, strategy: str) -> str:
    """Which coins a conversion would trade, as far as the records know what it wants now."""
    record = desk.recorded.strategies.get(strategy)
    if record is None or record.kind != desk.outline.strategies.get(strategy):
        return " (how much is not known yet: no look has asked it)"
    overlays = from_document(record.kind, record.document).overlays
    wishes = [
        f"{'sells' if qty < 0 else 'buys'} {text(significant(abs(qty)))} {asset}"
        for asset, qty in overlays.items()
        if qty != 0
    ]
    return f": {', '.join(wishes)}" if wishes else ": it has none on now"


def _effect(desk: Desk, kind: CommandKind) -> str:
    if kind is not CommandKind.FLATTEN:
        return _WORDS[kind]
    positions = desk.recorded.positions.values()
    held = [p for p in positions if p.own_qty != 0 and not is_spot(p.symbol)]
    shown = ", ".join(f"{text(significant(p.own_qty))} {p.symbol}" for p in held) or "none is on"
    over = [s for s, kind in desk.outline.strategies.items() if kind in ONE_SHOT]
    stand = [s for s in desk.outline.strategies if s not in over]
    parts = [
        f"own futures are closed with reduce-only orders ({shown}), then CANCEL_ONLY",
        f"for good: {', '.join(over)}" if over else "",
        f"opening again only after resume: {', '.join(stand)}" if stand else "",
    ]
    return "; ".join(part for part in parts if part)


#: Phases that ``start`` ends.
_STARTABLE = frozenset({"released", "ended", "stopped"})
#: What ``release`` means to kinds that may open again by themselves.
_RELEASES: Mapping[str, str] = {
    "hedge": "closes its futures; its condition must pass and come anew to open it, and one without a condition"
    " (when: always) is opened only by `counterpoise strategy start {strategy}`",
    "profit_ladder": "closes its shorts; it is armed anew at its rearm price, if it has one, or by"
    " `counterpoise strategy start {strategy}`",
}
_WORDS: Mapping[CommandKind, str] = {
    CommandKind.PAUSE: "own working orders are taken down and nothing new is sent; hedges stay on (CANCEL_ONLY)",
    CommandKind.HALT: "nothing is sent any more, not even a cancel: orders that work stay on (HALT)",
    CommandKind.REDUCE_ONLY: "positions may only shrink: orders that add are taken down, and no coins are traded"
    " (REDUCE_ONLY)",
    CommandKind.RESUME: "strategies act again (RUN)",
    CommandKind.START: "begins anew",
    CommandKind.CONVERT: "turns its futures into coins",
    CommandKind.CANCEL: "closes its futures and ends; only `strategy start` lets it act again",
}


def _unknown(what: str, name: str, known: Mapping[str, object]) -> ConfigError:
    near = nearest(name, known)
    hint = f"; did you mean {near!r}?" if near is not None else ""
    expected = one_of(known) if known else "none: the config has none"
    return ConfigError([f"{what}: expected {expected}, was {name!r}{hint}"])
