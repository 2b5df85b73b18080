"""HTTP faces of the simulated exchange in the dialects of real ones, so that stock clients trade on it."""
