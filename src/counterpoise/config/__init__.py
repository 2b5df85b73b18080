"""From a YAML file to policies: units, secrets, cross checks; every problem at once, each with its place.

:func:`load` returns :class:`~counterpoise.config.settings.Settings`; :func:`outline` only says where the
database is, and :func:`rehearsal` reads the portfolios alone, for a backtest. pydantic and ruamel.yaml stay in
here. Nothing of this package touches the network or the database.
"""

from __future__ import annotations

from counterpoise.config.loading import load, outline
from counterpoise.config.rehearsal import rehearsal
from counterpoise.config.settings import AlertSettings, Outline, Rehearsal, Settings

__all__ = ["AlertSettings", "Outline", "Rehearsal", "Settings", "load", "outline", "rehearsal"]
