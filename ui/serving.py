"""Serves the Streamlit app from a process of its own on 127.0.0.1, until it is stopped."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from kb.errors import CitewiseError

HOST = "127.0.0.1"
TRIES = 50
START_SECONDS = 120.0
APP = Path(__file__).with_name("app.py")


def free_port(wanted: int) -> int:
    """Return `wanted`, or the next port that nobody listens on. Raises CitewiseError where there is none."""
    for port in range(wanted, min(wanted + TRIES, 65536)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise CitewiseError(f"no free port from {wanted} on", hint="name another with --port or the setting `port`")


def command(port: int) -> list[str]:
    """Return the command that serves the app: local only, no browser, no usage statistics."""
    options = {
        "server.address": HOST,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "global.developmentMode": "false",
        "logger.level": "warning",
    }
    return [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(APP),
        *(f"--{name}={value}" for name, value in options.items()),
    ]


def serve(home: Path, *, port: int, tell: Callable[[str], None], open_browser: bool = False) -> None:
    """Serve the app over `home` until Ctrl-C or SIGTERM; `tell` gets its URL once it answers.

    Raises CitewiseError where it does not start.
    """
    chosen = free_port(port)
    if not APP.is_file():
        raise CitewiseError(f"the app {APP} is not installed", hint="install citewise again")
    environment = {**os.environ, "CITEWISE_HOME": str(home)}
    # Streamlit's greeting would come between; what goes wrong is on standard error.
    process = subprocess.Popen(command(chosen), env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        with _SigtermStops(), contextlib.suppress(KeyboardInterrupt):
            _wait(process, chosen)
            url = f"http://{HOST}:{chosen}"
            tell(url)
            if open_browser:
                import webbrowser

                webbrowser.open(url)
            process.wait()
    finally:
        _end(process)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(port):
        if process.poll() is not None:
            raise CitewiseError(
                f"the app ended with code {process.returncode}", hint="its message stands above this one"
            )
        if time.monotonic() > deadline:
            raise CitewiseError(f"the app did not answer within {START_SECONDS:.0f} s", hint="run it again")
        time.sleep(0.2)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class _SigtermStops:
    """SIGTERM ends the block as Ctrl-C does, so that the app's process ends too."""

    def __enter__(self) -> None:
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:
            self._before = signal.signal(signal.SIGTERM, self._stop)

    def __exit__(self, *_: object) -> None:
        if self._main:
            signal.signal(signal.SIGTERM, self._before)

    @staticmethod
    def _stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt
