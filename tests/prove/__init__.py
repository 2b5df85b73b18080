"""The proof programme: what happens when the daemon dies, or its exchange lies, at any point. Run by ``make prove``."""
