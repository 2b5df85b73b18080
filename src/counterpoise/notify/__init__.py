"""Tells people: builds alerts from domain values and carries committed ones to their sinks.

Trading never waits for anything in here: an alert is committed with the change it speaks of, and the relay
delivers it later, in its own task.
"""
