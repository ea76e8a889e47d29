"""The one exception the harness ends with on purpose."""


class BenchError(Exception):
    """What went wrong, as a sentence for the reader; no traceback is shown for it."""
