"""`/api/contacts/*` and `/api/authentication/*`: contacts behind a login token, as in Filemail v1."""
