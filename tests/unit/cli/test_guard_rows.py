"""Carry, drawdown, basis and cross hedges as people see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from counterpoise.app.carry_view import basis_rows, carry_rows, cross_rows
from counterpoise.cli.guard_rows import print_guards
from counterpoise.domain.carrying import BasisCheck, BasisVerdict, CarryCheck, CarryVerdict
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import Spent
from counterpoise.domain.reasons import reason
from counterpoise.domain.relation import Relation, RelationCheck, RelationVerdict
from tests.build import BTC_PERP, NOW, VENUE

WHY = reason("carry_expected", yearly="21.9 %", most="15 %")
LOST: dict[str, Any] = {
    "depth": "0.12345678",
    "high": "10456789.12",
    "loss": "1290961.52",
    "tier": "slow",
    "next": {"tier": "reduce_only", "at": "0.2"},
}


def check(strategy: str, **changes: Any) -> CarryCheck:
    known: dict[str, Any] = {
        "venue": VENUE,
        "symbol": BTC_PERP,
        "qty": dec(-1),
        "expected": dec("0.219"),
        "realised": dec("0.1234"),
        "cost": dec("0.0061"),
        "max_carry": dec("0.15"),
        "max_cost": dec("0.005"),
    }
    return CarryCheck(strategy=strategy, **{**known, **changes})


def carried(*checks: CarryCheck) -> dict[str, Any]:
    return {"carry": carry_rows(CarryVerdict(checks=checks))}


def apart(**changes: Any) -> dict[str, Any]:
    made = BasisCheck(
        asset="BTC", venue=VENUE, symbol=BTC_PERP, basis=dec("-0.041"), zscore=dec("5.234"), **changes
    )  # fmt: skip
    return {"basis": basis_rows(BasisVerdict(checks=(made,)))}


def test_carry_stands_beside_its_budget(capsys: pytest.CaptureFixture[str]) -> None:
    print_guards(carried(check("half")))
    out = capsys.readouterr().out
    assert "half BTC/USDT:USDT  21.9 %  12.3 %  15.0 %  0.61 %  0.5 %" in out
    assert out.count("half") == 1, "what is within its budget needs no sentence"


def test_what_is_beyond_its_budget_says_since_when_and_what_was_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spent = {"why": WHY, "spent": True, "over_since": NOW}
    print_guards(
        carried(
            check("early", why=WHY, over_since=NOW),
            check("halved", then=Spent.REDUCE, **spent),
            check("closed", then=Spent.CLOSE, **spent),
            check("told", then=Spent.ALERT, **spent),
        )
    )
    out = capsys.readouterr().out
    says = f"in {BTC_PERP}: {WHY.text}"
    assert f"early {says} (since 2025-06-02 12:00:00Z)\n" in out
    assert f"halved {says}: halved\n" in out
    assert f"closed {says}: closed\n" in out
    assert f"told {says}\n" in out


def test_what_is_not_known_is_a_dash_and_venues_are_told_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unknown = check("half", expected=None, realised=None, cost=None)
    print_guards(carried(unknown, check("other", venue="second")))
    out = capsys.readouterr().out
    assert f"half {BTC_PERP} at {VENUE}" in out
    assert f"other {BTC_PERP} at second" in out
    assert "-       -  15.0 %       -  0.5 %" in out


@pytest.mark.parametrize("columns", [60, 80])
def test_no_figure_is_cut_where_there_is_little_room(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    long = check("keep-shape-of-it", symbol="ETH/USDT:USDT-260327", expected=dec("-1.2345"))
    print_guards({**carried(long), "drawdown": LOST, **apart(since=NOW, until=NOW)})
    out = capsys.readouterr().out
    assert "…" not in out
    assert all(len(line) <= columns for line in out.splitlines())
    assert "ETH/USDT:USDT-260327" in out.replace("\n", "") or columns == 60
    for whole in ("-123.4 %", "10,456,789.12", "1,290,961.52", "-4.1 %"):
        assert whole in out


def test_a_loss_shows_its_high_its_tier_and_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    print_guards({"drawdown": LOST})
    out = capsys.readouterr().out
    assert "slow  10,456,789.12  1,290,961.52  12.3 %  reduce only at 20.0 %" in out
    last = {**LOST, "tier": "cancel_only", "next": None, "depth": "0"}
    print_guards({"drawdown": last})
    assert "cancel only  10,456,789.12" in capsys.readouterr().out, (
        "a tier that stays is shown without a loss"
    )


def test_a_contract_far_from_its_coin_is_shown_with_how_long_adding_waits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    why = reason("basis_level", symbol=BTC_PERP, basis="-4.1 %", most="3 %")
    print_guards(apart(since=NOW, until=NOW + timedelta(hours=6), why=why))
    out = capsys.readouterr().out
    assert f"{BTC_PERP}  -4.1 %         5.2  Mon 02 Jun 12:00  Mon 02 Jun 18:00" in out
    assert why.text in out


def test_where_there_is_nothing_to_say_nothing_is_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    calm = {"depth": "0", "high": "1", "loss": "0", "tier": "none", "next": LOST["next"]}
    unknown = {"depth": None, "high": None, "loss": None, "tier": "none", "next": None}
    for drawdown in (calm, unknown, None):
        print_guards({"carry": [], "drawdown": drawdown, **apart()})
    print_guards({})
    assert capsys.readouterr().out == ""


def test_a_row_of_an_older_version_is_shown_as_far_as_it_goes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (row,) = carried(check("half"))["carry"]
    old = {k: v for k, v in row.items() if not k.startswith("max_")}
    lost = {"depth": "0.1", "high": "1", "tier": "slow"}
    print_guards({"carry": [old], "drawdown": lost})
    out = capsys.readouterr().out
    assert "12.3 %       -  0.61 %      -" in out
    assert "slow  1.00     -  10.0 %  -" in out


@pytest.mark.parametrize(
    ("share", "told"), [("1", ""), ("0.5", "half of it stands"), ("0", "none of it stands")]
)
def test_a_cross_hedge_shows_what_it_rests_on(
    share: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    relation = Relation(
        beta=dec("1.3123"),
        measured=dec("1.3123"),
        error=dec("0.0812"),
        correlation=dec("0.8567"),
        residual=dec("0.4512"),
        returns=60,
    )
    why = reason("relation_loose", asset="LDO", by="ETH", correlation="60 %", least="70 %", back="")
    made = RelationCheck(
        strategy="ldo",
        asset="LDO",
        by="ETH",
        held=dec("-1.25"),
        relation=relation,
        share=dec(share),
        why=why if told else None,
    )
    print_guards({"cross": cross_rows(RelationVerdict(checks=(made,)))})
    out = capsys.readouterr().out
    assert "ldo LDO by ETH  -1.25  1.31 ± 0.08       85.7 %       45.1 %" in out
    assert told in out
    assert ("less than 70 %" in out) is bool(told)


def test_a_cross_hedge_that_cannot_be_measured_shows_nothing_it_does_not_know(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = RelationCheck(strategy="ldo", asset="LDO", by="ETH")
    print_guards({"cross": cross_rows(RelationVerdict(checks=(made,)))})
    assert "ldo LDO by ETH     0     -            -            -" in capsys.readouterr().out
