"""What every test has."""

from pathlib import Path

from hypothesis import configuration, settings

# No deadline, because nothing here is judged by a clock; no database, because a run leaves nothing in the checkout.
configuration.set_hypothesis_home_dir(Path(__file__).parents[1] / ".pytest_cache" / "hypothesis")
settings.register_profile("gateway", deadline=None, database=None)
settings.load_profile("gateway")
