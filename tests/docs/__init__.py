"""The pages: every command, example, link and name in them is true."""
