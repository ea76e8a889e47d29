"""What every test has."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "unit"))

import stand_in
from hypothesis import configuration, settings

stand_in.install()

# No deadline, because nothing here is judged by a clock; no database, because a run leaves nothing in the checkout.
configuration.set_hypothesis_home_dir(Path(__file__).parents[1] / ".pytest_cache" / "hypothesis")
settings.register_profile("gateway", deadline=None, database=None)
settings.load_profile("gateway")
