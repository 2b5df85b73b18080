"""A transfer's states: what is proven stays proven."""

from __future__ import annotations

import pytest

from counterpoise.domain.errors import IllegalMove
from counterpoise.domain.transfer import Purse, TransferState
from tests.build import NOW, make_transfer


def test_what_is_unknown_may_turn_out_either_way() -> None:
    sent = make_transfer().moved(TransferState.UNKNOWN, at=NOW, reason="timed out")
    assert sent.moved(TransferState.DONE, at=NOW, venue_id="7").venue_id == "7"
    assert sent.moved(TransferState.REJECTED, at=NOW).reason == "timed out"
    assert not sent.state.is_final


def test_what_was_held_for_absent_and_is_found_after_all_is_done() -> None:
    absent = make_transfer().moved(TransferState.REJECTED, at=NOW, reason="absent")
    assert absent.moved(TransferState.DONE, at=NOW).state.is_final


@pytest.mark.parametrize("state", [TransferState.PENDING, TransferState.REJECTED])
def test_what_is_done_is_not_undone(state: TransferState) -> None:
    done = make_transfer().moved(TransferState.DONE, at=NOW)
    with pytest.raises(IllegalMove, match="tr1: DONE may not become"):
        done.moved(state, at=NOW)


def test_collateral_that_reaches_positions_is_a_top_up() -> None:
    assert make_transfer().is_top_up
    assert make_transfer(source=Purse.FUTURES, target=Purse.POSITION, symbol="x").is_top_up
    assert not make_transfer(source=Purse.FUTURES, target=Purse.SPOT).is_top_up
    assert not make_transfer(source=Purse.POSITION, target=Purse.FUTURES, symbol="x").is_top_up
