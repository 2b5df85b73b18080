from __future__ import annotations

import pytest

from counterpoise.venue.sim import SimExchange
from counterpoise.venue.testnet.launch import face_of
from tests.unit.venue.testnet import small


@pytest.fixture
def exchange() -> SimExchange:
    return small.exchange()


@pytest.fixture
def caller(exchange: SimExchange) -> small.Caller:
    keys = exchange.open_account(small.BALANCE)
    return small.Caller(face_of(exchange), exchange, keys.api_key, keys.secret)
