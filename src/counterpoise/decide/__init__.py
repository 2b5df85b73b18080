"""Pure: what the strategies want and what the guards let through."""
