"""Settings: APISIX's `config.yaml`, read into values that cannot be wrong.

    reading = settings.read(document, spans, file="conf/config.yaml", environ=os.environ)
    if reading.problems: ...
    engine_settings(reading.settings)      # what the data plane is started with

Every key of APISIX 3.18 is either a field of `Settings` or in `IGNORED` with the reason. Nothing here opens a file or
a socket, or knows the extension.
"""

from gateway.settings.document import Settings, differences
from gateway.settings.engine_settings import EngineSettings, engine_settings
from gateway.settings.ignored import IGNORED
from gateway.settings.reader import Reading, read

__all__ = ["IGNORED", "EngineSettings", "Reading", "Settings", "differences", "engine_settings", "read"]
