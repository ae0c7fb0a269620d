"""`/api/v1/*` and `/ws`: contacts behind API keys and access tokens, as in Micelclaw."""
