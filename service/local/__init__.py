"""Private servers and commands for one machine: install, run, listen."""
