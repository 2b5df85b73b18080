"""The adapter over stock ccxt, imported only when a venue needs it."""
