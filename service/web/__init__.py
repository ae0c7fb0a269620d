"""HTTP for every API: reading requests, fields, rate limits and the access log."""
