"""What loads a gateway: wrk against the clock, and a closed loop of an exact count.

``wrk`` measures (it can saturate a gateway from one CPU), ``closed_loop`` counts and checks (it
compares every byte). Both send the same bytes: those of :class:`bench.load.exchange.Exchange`.
"""
