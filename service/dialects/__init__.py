"""The other contact APIs: their routes, envelopes, schemas and errors, over the routines of the RPC."""
