"""Doing it once: write ahead, send, record; and telling what became of an order."""
