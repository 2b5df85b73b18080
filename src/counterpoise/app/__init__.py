"""Wiring, the cycle, the daemon, the clock: the only place that knows the order of the stages."""
