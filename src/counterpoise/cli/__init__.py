"""Thin commands over the app; no logic of their own."""
