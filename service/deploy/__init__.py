"""Bring the databases to the state of `sql/` and `procedures/`.

Our own tool: skeema, the kept one that knows routines, works schema by schema (15 to 20 s to find nothing to
do in 1,000 databases), and none deploys canaries beside a service that runs.
"""
