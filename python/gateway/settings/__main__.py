"""`python -m gateway.settings --markdown` prints `docs/settings.md`."""

import sys

from gateway.settings.manual import markdown

if sys.argv[1:] != ["--markdown"]:
    sys.exit("usage: python -m gateway.settings --markdown")
sys.stdout.write(markdown())
