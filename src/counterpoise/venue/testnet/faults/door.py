"""The control door of faults: arm one, remove one, list them with their counts.

``POST /_control/fault``, ``DELETE /_control/fault/ID``, ``GET /_control/fault``. A description with a mistake is a 400
that says where it is, and arms nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from counterpoise.venue.testnet.faults.armed import Faults

NAME = "fault"


class FaultDoor:
    """Answers ``/_control/fault`` and ``/_control/fault/ID``."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def arm(self, body: Mapping[str, object]) -> object:
        """Arm a fault. Raises ValueError."""
        return {"id": self._faults.arm(body)}

    def listed(self) -> object:
        """List every fault that was not removed, spent ones too."""
        return {"faults": self._faults.rows()}

    def remove(self, number: str) -> object | None:
        """Remove a fault and tell its counts; None when there is none of that id."""
        armed = self._faults.disarm(number)
        if armed is None:
            return None
        return {"id": armed.id, "matched": armed.matched, "struck": armed.struck}
