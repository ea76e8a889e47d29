"""What happens when things break: drills that play against any peer.

    python -m bench.drills --peers nginx,gatewright --drills upstream-killed,reloads

A drill is a file that ends with its ``DRILL``; a new one is its file, and a line here.
"""

from bench.drills import (
    abort_storm,
    both_down,
    drain,
    fd_limit,
    file_changes,
    full_log,
    idle_connections,
    mixed_load,
    reloads,
    slow_clients,
    upstream_flapping,
    upstream_killed,
    upstream_stopped,
)
from bench.drills.drill import Drill

DRILLS: tuple[Drill, ...] = (
    upstream_killed.DRILL,
    upstream_stopped.DRILL,
    upstream_flapping.DRILL,
    both_down.DRILL,
    reloads.DRILL,
    file_changes.DRILL,
    drain.DRILL,
    drain.STUCK_DRILL,
    fd_limit.DRILL,
    abort_storm.DRILL,
    full_log.DRILL,
    slow_clients.DRILL,
    idle_connections.DRILL,
    mixed_load.DRILL,
)
