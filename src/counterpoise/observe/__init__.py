"""Looking at the world: one pass over every venue of a portfolio gives one Snapshot."""
