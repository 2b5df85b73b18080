"""Values and rules everyone speaks: numbers, instruments, snapshots, orders, decisions. Pure; imports nothing."""
