"""Binance's dialect: spot ``/api/v3``, wallet ``/sapi/v1`` and USD-M ``/fapi`` over the simulated exchange."""

from __future__ import annotations

from counterpoise.venue.testnet.binance.dialect import HOSTS, BinanceDialect

__all__ = ["HOSTS", "BinanceDialect"]
