"""Counterpoise keeps a crypto portfolio at its target risk by moving futures, not coins.

This module holds the version and the one global setting of the process: the decimal precision. It
stays import-light, because every command, even ``--help``, passes through it.
"""

from __future__ import annotations

import decimal

__version__ = "0.1.0"

# Python's 28 digits are not enough for sums of products of venue figures: a price with 8 places
# times a quantity with 18 already needs more, and a silent rounding would break the promise that
# money is exact. 60 leaves room for sums on top. DefaultContext is what threads started later copy
# (database drivers start some); the importing thread has its own context and is set beside it.
DECIMAL_PRECISION = 60
decimal.DefaultContext.prec = DECIMAL_PRECISION
decimal.getcontext().prec = DECIMAL_PRECISION

__all__ = ["DECIMAL_PRECISION", "__version__"]
