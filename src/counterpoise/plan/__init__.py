"""Pure: from a decision to the orders to keep, place and cancel."""
