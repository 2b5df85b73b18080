"""Persists, sends and records orders; resolves unknown outcomes."""
