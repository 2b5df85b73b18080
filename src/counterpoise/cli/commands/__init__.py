"""One module per command; ``main`` puts them together."""
