"""procedures/ and sql/ as data: declarations, and the calls between routines."""
