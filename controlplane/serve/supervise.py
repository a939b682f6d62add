"""Runs the supervisor in the foreground: `python -m controlplane.serve.supervise CONFIG`."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

from supervisor.options import ServerOptions
from supervisor.supervisord import go


class ForegroundOptions(ServerOptions):  # type: ignore[misc]  # supervisor has no types
    """The supervisor's options, with a closed terminal ending everything as Ctrl-C does.

    On SIGHUP supervisord would start everything anew and go on without a terminal.
    """

    def setsignals(self) -> None:
        """Install the supervisor's signal handlers, SIGHUP as SIGTERM."""
        super().setsignals()
        signal.signal(signal.SIGHUP, self._hang_up)

    def _hang_up(self, _signal: int, frame: FrameType | None) -> None:
        self.signal_receiver.receive(signal.SIGTERM, frame)


def supervise(config: Path) -> None:
    """Run what `config` describes until told to stop. Leaves no process behind."""
    _append_to_output()
    options = ForegroundOptions()
    options.realize(["-c", str(config)])
    options.first = True
    options.test = False
    try:
        go(options)
    finally:
        # Empty after an orderly end; not so when the supervisor failed, as it does when the
        # terminal it writes to is gone.
        for pid in options.pidhistory:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)
    options.close_logger()


def _append_to_output() -> None:
    """Output that goes to a file has two writers: the supervisor and the log of the processes."""
    for descriptor in (1, 2):
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_APPEND)


if __name__ == "__main__":
    supervise(Path(sys.argv[1]))
