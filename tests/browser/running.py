"""What the browser tests share: the documents, the running app, pages that are watched, and moves on them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT = 30_000

PAGES = {
    "scaling.md": """# Scaling features

## Standardisation

StandardScaler removes the mean of each feature and scales it to unit variance.
Centring sparse data would destroy its sparseness, so pass `with_mean=False` for sparse matrices.

```python
scaler = StandardScaler(with_mean=False)
X = scaler.fit_transform(X_sparse)
```

## Robust scaling

RobustScaler uses the median and the interquartile range, so that outliers do not move the scale.
""",
    "validation.md": """# Validating models

## Stratified folds

StratifiedKFold keeps the share of each class in every fold.
Use it for classification with rare classes, or a fold may hold none of them.

## Time series

TimeSeriesSplit trains on the past and tests on what follows it, so that nothing leaks from the future.
""",
    "boosting.md": """# Gradient boosting

## Learning rate

A lower learning rate needs more trees and usually generalises better.
Early stopping ends the training when the validation score has not improved for a number of rounds.
""",
}
TITLE = "<img src=x onerror=alert(1)> :material/home: $\\LaTeX$ [title](javascript:alert(2))"
HEADING = "Zebrafish <script>alert(3)</script> ![heading](http://evil.example/h.png) :smile:"
HOSTILE = f"""{TITLE}
{"=" * len(TITLE)}

{HEADING}
{"-" * len(HEADING)}

Zebrafish <script>fetch('http://evil.example/s')</script> imputation of striped values makes <b>bold</b> stripes.
Zebrafish imputation shows ![pixel](http://evil.example/p.png) and a [link](javascript:alert(4)) and www.evil.example.
Zebrafish imputation costs $\\int_0^1 x$ stripes :material/home: :smile: :red[loud] each time it runs.

.. code-block:: html

   <img src="http://evil.example/code.png" onerror="alert(5)"><iframe src="http://evil.example/"></iframe>
"""
HOSTILE_COLLECTION = "<b>c</b> ![c](http://evil.example/c.png) :tada: $c$"
HOSTILE_NAME = "<img src=x onerror=alert(6)> ![n](x) :smile: $x$.rst"


@dataclass
class Seen:
    """What a page did: addresses it asked for, errors and dialogs."""

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def serve(home: Path, folder: Path) -> Iterator[str]:
    """Run the app over `home` on a free port until the caller is done with it."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "ui" / "app.py"), "--server.port", str(port)]
    env = {**os.environ, "CITEWISE_HOME": str(home)}
    with (folder / "app.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, folder / "app.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the app answers."""
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the app did not start: {log.read_text('utf-8', 'replace')}")


class Browser:
    """Opens pages of one size and watches what they do; they share a cache, so that only the first loads scripts."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._pages: list[Any] = []

    def open(self, url: str, *, width: int = 1280, height: int = 800, scheme: str = "light") -> tuple[Any, Seen]:
        """Open `url` and wait until it shows something."""
        page, seen = self._context.new_page(), Seen()
        self._pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("dialog", lambda dialog: (seen.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(url)
        page.locator(".stMain .cw-root, .stMain .stHtml").locator("visible=true").first.wait_for()
        return page, seen

    def close(self) -> None:
        """Close every page."""
        for page in self._pages:
            page.close()


def ask(page: Any, question: str) -> Any:
    """Ask and return the turn once it is stored and live."""
    before = page.locator(".cw-root .cw-turn").count()
    page.locator("[data-testid=stChatInputTextArea]").fill(question)
    page.keyboard.press("Enter")
    turn = page.locator(".cw-root .cw-turn").nth(before)
    turn.wait_for()
    return turn


def overflow(page: Any) -> int:
    """Return by how many pixels the page is wider than its window."""
    script = (
        "Math.max(document.documentElement.scrollWidth, document.querySelector('.stMain').scrollWidth) - innerWidth"
    )
    return int(page.evaluate(script))
