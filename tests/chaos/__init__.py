"""`make chaos`: break servers and processes under a counted load, and count what was lost."""
