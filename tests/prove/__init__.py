"""The proof programme: what happens when the daemon dies, or its exchange lies: ``python -m tests.prove``."""
