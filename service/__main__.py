"""`python -m service` is the console command `drumee-contacts`: see `service.cli`."""

import signal
import sys

# Ctrl-C during the imports ends the program as SIGTERM does, and not with a trace of them. The commands set
# what they want.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from service.cli import main

if __name__ == "__main__":
    sys.exit(main())
