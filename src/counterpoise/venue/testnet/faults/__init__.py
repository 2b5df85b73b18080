"""Faults on demand: what goes wrong between a client and an exchange, before or after the effect.

``description`` reads what is asked for, ``kinds`` is the list of what there is, ``armed`` keeps what is armed and
counts how often it struck, ``bent`` makes the replies, ``dialect`` puts it in front of a dialect, ``door`` is its
control door.
"""

from __future__ import annotations

from counterpoise.venue.testnet.faults.armed import Faults
from counterpoise.venue.testnet.faults.dialect import FaultyDialect
from counterpoise.venue.testnet.faults.door import FaultDoor

__all__ = ["FaultDoor", "Faults", "FaultyDialect"]
