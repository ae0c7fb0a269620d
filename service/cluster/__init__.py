"""A cluster from one description of its hosts: files for operators, and `make cluster` on one machine."""
