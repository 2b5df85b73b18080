"""The adapter over stock ccxt: one Binance account (spot and USD-M futures) behind the Venue port.

``factory.open_venue`` is the way in. ccxt takes about a second and 100 MB to import, so nothing here imports
it before a venue is opened. ccxt signs, sends and names errors; what is asked, what an answer means and
how fast to ask is decided here, because ccxt returns an order for a garbage reply and hides some errors.
"""

from __future__ import annotations
