"""A gateway's life as a process: started, watched, reloaded, drained.

    serve(Gateway.configured(configuration), Plan(reread=lambda: load(path, os.environ)))

The data plane answers before the event loop, or anything else that costs time to load, is imported. Signals belong to
the data plane's own thread, which tells of them: SIGHUP reads the files again, SIGUSR1 opens the logs anew, SIGTERM,
SIGINT and SIGQUIT end the process once requests have finished. A second one of those ends it at once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from gateway.configuration import Configuration
from gateway.control.systemd import Supervisor
from gateway.errors import ConfigError
from gateway.settings import differences

if TYPE_CHECKING:
    import asyncio

    from gateway.application import Gateway
    from gateway.control.watch import FileWatch
    from gateway.engine import Engine


class Plan(msgspec.Struct, frozen=True):
    """How a process serves."""

    log: Callable[[str, str], None]
    """Takes what is worth telling: a level (`info`, `warn`, `error`) and a text."""

    started: Callable[[], None] = lambda: None
    """Called once, when the gateway answers."""

    reread: Callable[[], Configuration] | None = None
    """Reads the settings again, at SIGHUP; None where they are not from a file."""


def serve(gateway: Gateway, plan: Plan) -> bool:
    """Serve until told to stop. Tells whether every request finished; raises what `Gateway.start` does."""
    gateway.handle_signals = True
    for warning in gateway.start():
        plan.log("warn", str(warning))
    plan.started()

    import uvloop

    return uvloop.run(_Process(gateway, plan).run())


class _Process:
    def __init__(self, gateway: Gateway, plan: Plan) -> None:
        assert gateway.engine is not None  # noqa: S101 (serve has started it)
        self.gateway = gateway
        self.engine: Engine = gateway.engine
        self.plan = plan
        self.supervisor = Supervisor.of(os.environ)
        self.watch: FileWatch | None = None

    async def run(self) -> bool:
        import asyncio

        self.loop = asyncio.get_running_loop()
        self.finished: asyncio.Future[bool] = self.loop.create_future()
        self.draining = False
        self.loop.add_reader(self.engine.event_fd(), self.on_event)
        self.start_watch()
        if self.supervisor.watchdog:
            self.sign_of_life()
        self.supervisor.ready()
        try:
            return await self.finished
        finally:
            self.loop.remove_reader(self.engine.event_fd())
            self.stop_watch()

    def on_event(self) -> None:
        match self.engine.next_event():
            case "reload":
                self.reload_all()
            case "stop" if self.draining:
                self.finish(False)
            case "stop":
                self.stop()
            case _:  # the data plane's own affair
                pass

    def reload_all(self) -> None:
        """Read the settings and the resources again; whatever is wrong leaves things as they are."""
        self.supervisor.reloading()
        try:
            if self.plan.reread is not None:
                self.compare(self.plan.reread())
        except ConfigError as error:
            self.refused(error)
        else:
            self.reload_file()
        self.supervisor.ready()

    def compare(self, new: Configuration) -> None:
        """Take over what can change while running (where the resources are) and name what cannot."""
        if new.problems:
            raise ConfigError(new.problems)
        for key in differences(self.gateway.settings, new.settings):
            self.plan.log("warn", f"`{key}` has changed; it takes effect at the next start")
        if self.gateway.store is not None and new.store.path != self.gateway.store.path:
            self.stop_watch()
            self.gateway.store = new.store
            self.start_watch()

    def reload_file(self) -> None:
        """Serve what the resource file says now, if it is right."""
        if self.draining:
            return
        try:
            warnings = self.gateway.reload()
        except ConfigError as error:
            self.refused(error)
            return
        for warning in warnings:
            self.plan.log("warn", str(warning))
        where = f" from {self.gateway.store.path}" if self.gateway.store else ""
        self.plan.log("info", f"serving a new configuration{where}")

    def refused(self, error: ConfigError) -> None:
        for problem in error.problems:
            self.plan.log("error", str(problem))
        self.plan.log("error", "the configuration is refused; the last good one is served on")

    def start_watch(self) -> None:
        if self.gateway.store is not None:
            from gateway.control.watch import FileWatch

            self.watch = FileWatch(self.gateway.store, self.reload_file)
            self.watch.start()

    def stop_watch(self) -> None:
        if self.watch is not None:
            self.watch.stop()
            self.watch = None

    def stop(self) -> None:
        """Drain, beside the loop. The thread is a daemon: a second signal need not wait for it."""
        self.draining = True
        self.supervisor.stopping()
        self.stop_watch()

        def drain() -> None:
            done = self.gateway.stop()
            self.loop.call_soon_threadsafe(self.finish, done)

        threading.Thread(target=drain, name="drain", daemon=True).start()

    def finish(self, done: bool) -> None:
        if not self.finished.done():
            self.finished.set_result(done)

    def sign_of_life(self) -> None:
        assert self.supervisor.watchdog is not None  # noqa: S101 (called only if there is one)
        self.supervisor.alive()
        self.loop.call_later(self.supervisor.watchdog / 2, self.sign_of_life)
