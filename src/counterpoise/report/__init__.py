"""What a run came to: arithmetic on values that others have read. Nothing here reads, writes or knows the time."""
