"""How wants become orders: sizing, ladders, the difference to what is open, and ids. Pure."""
