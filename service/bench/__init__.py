"""`make bench`: measure the service, and its CALLs alone as the limit of what it could reach."""
