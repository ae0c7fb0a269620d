"""Accounts: sign up by the link of a mail, set a forgotten password, change a password."""
