"""The only place that knows the order of the stages: wiring, the cycle, the daemon and the clock."""
