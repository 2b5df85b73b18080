"""Carries outbox rows to their sinks."""
