"""What must never happen: guards judge data before a decision and every order before it is sent."""
