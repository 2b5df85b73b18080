"""Keys: one that can withdraw is refused at the start; the rest is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from counterpoise.app.rights import check_rights
from counterpoise.domain.access import Environment, KeyRights, Secret, VenueAccess
from counterpoise.domain.errors import SafetyRefusal, VenueError
from counterpoise.venue.sim.model import KeyRights as SimRights
from tests.build import NOW
from tests.scenario.world import make_world
from tests.unit.app.desk import MoodyVenue

ACCESS = VenueAccess(
    id="main",
    exchange="binance",
    environment=Environment.LIVE,
    api_key=Secret("fake"),
    secret=Secret("fake"),
)


class Telling(MoodyVenue):
    """A venue whose key has the rights it is given."""

    def __init__(self, rights: KeyRights | VenueError | None) -> None:
        super().__init__(make_world([80_000] * 10))
        self._told = rights

    async def rights(self) -> KeyRights | None:
        if isinstance(self._told, VenueError):
            raise self._told
        return self._told


async def checked(rights: KeyRights | VenueError | None, **access: object) -> tuple[str, ...]:
    made = replace(ACCESS, **access)  # type: ignore[arg-type]  # keyword table of one dataclass
    return (await check_rights({"main": Telling(rights)}, {"main": made}, NOW)).get("main", ())


async def test_a_key_that_can_withdraw_is_refused_unless_it_is_allowed() -> None:
    rights = KeyRights(withdraw=True, ip_bound=True)
    with pytest.raises(SafetyRefusal, match=r"venues.main: expected a key that cannot withdraw"):
        await checked(rights)
    (told,) = await checked(rights, allow_withdraw_key=True)
    assert "the key of main can withdraw, as allow_withdraw_key lets it" in told


async def test_an_unbound_key_is_told_of_everywhere_but_on_this_machine() -> None:
    loose = KeyRights(withdraw=False, ip_bound=False)
    for environment in (Environment.LIVE, Environment.DEMO, Environment.TESTNET):
        (told,) = await checked(loose, environment=environment)
        assert "works from every address" in told
    assert await checked(loose, environment=Environment.LOCAL) == ()


async def test_the_simulated_exchange_refuses_it_as_well() -> None:
    world = make_world([80_000] * 10)
    world.exchange.set_rights(world.api_key, SimRights(withdraw=True))
    with pytest.raises(SafetyRefusal):
        await check_rights({"main": MoodyVenue(world)}, {"main": ACCESS}, NOW)


async def test_a_good_key_has_nothing_to_say() -> None:
    rights = KeyRights(withdraw=False, ip_bound=True, trade_futures=True, transfer=True)
    assert await checked(rights) == ()
    assert await checked(None) == (), "a venue that does not tell"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ip_bound": False}, "works from every address"),
        ({"trade_futures": False}, "may not trade futures"),
        ({"transfer": False}, "may not move collateral"),
        ({"expires_at": NOW + timedelta(days=13, hours=1)}, "ends in 13 days"),
    ],
)
async def test_what_is_odd_is_said(changes: dict[str, object], expected: str) -> None:
    rights = replace(KeyRights(withdraw=False), **changes)  # type: ignore[arg-type]  # keyword table
    (line,) = await checked(rights)
    assert expected in line


async def test_near_misses_are_not() -> None:
    later = KeyRights(withdraw=False, expires_at=NOW + timedelta(days=14))
    assert await checked(later) == ()


async def test_rights_that_cannot_be_read_do_not_stop_a_start() -> None:
    (line,) = await checked(VenueError("time-out"))
    assert "could not be read: time-out" in line
