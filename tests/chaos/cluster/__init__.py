"""`make cluster-faults`: break the servers of a cluster one after the other under a counted load."""
