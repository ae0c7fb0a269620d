"""Sessions, passwords and the sign-in throttle."""
