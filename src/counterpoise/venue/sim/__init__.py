"""The simulated exchange: knows no dialect and no network."""
