"""One face for everything a testnet answers: the control door and the dialect, told apart by path."""

from __future__ import annotations

from counterpoise.venue.testnet.control import PREFIX, Control
from counterpoise.venue.testnet.http import Handler, Request, Response


class Face:
    """Sends ``/_control/`` to the control door and everything else to the dialect."""

    def __init__(self, dialect: Handler, control: Control) -> None:
        self._dialect = dialect
        self._control = control

    def handle(self, request: Request) -> Response:
        """Return the reply of whichever is addressed."""
        if request.path.startswith(PREFIX):
            return self._control.handle(request)
        return self._dialect.handle(request)
