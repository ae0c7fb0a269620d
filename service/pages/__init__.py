"""Pages for people who come by the link of a mail: sign up, refuse, set a new password. No script runs."""
