"""CardDAV below `/dav/`: the address books of users for phones and mail programs (RFC 6352)."""
