"""`python -m gateway` is `gatewright`."""

import sys

from gateway.cli import main

sys.exit(main())
