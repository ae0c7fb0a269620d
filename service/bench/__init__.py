"""`make bench`: how fast the service answers, and how fast its CALLs could be answered at all."""
