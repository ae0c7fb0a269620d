"""`python -m service` is the console command `drumee-contacts`: see `service.cli`."""

import sys

from service.cli import main

sys.exit(main())
