"""What a user gets without tuning: defaults everywhere, the access log written by all."""

from bench.load.exchange import Exchange
from bench.scenario import Scenario
from bench.upstream import BODY_1K

SCENARIO = Scenario(
    name="h1-1k-default",
    summary="GET 1 KiB, settings at their defaults, access logs on, forwarding headers set",
    exchanges=(Exchange("/1k", BODY_1K),),
    access_log=True,
    defaults=True,
    bar=0.95,
)
