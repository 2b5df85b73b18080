"""The rules engine: pure functions from what was seen and remembered to what is wanted and why."""
