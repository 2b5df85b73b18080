"""Which process this is, for the record of runs."""

from __future__ import annotations

import os
import socket
from datetime import datetime

from counterpoise.domain.running import Run


def run_of_this(at: datetime) -> Run:
    """Return the run that this process begins at ``at``."""
    return Run(host=socket.gethostname(), pid=os.getpid(), started_at=at)
