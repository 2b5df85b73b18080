"""What the user wants: one file per strategy, each a pure function to decisions."""
