"""A headless Chromium that tests drive through a pipe, without a network.

The protocol is https://chromedevtools.github.io/devtools-protocol, one JSON message
after another, each followed by a zero byte.
"""

import base64
import io
import itertools
import json
import os
import pathlib
import select
import shutil
import subprocess
import time

import imageio.v3 as iio
import pytest

# Software rendering, and nothing that Chromium would do by itself.
_FLAGS = (
    "--headless --no-sandbox --use-angle=swiftshader --enable-unsafe-swiftshader "
    "--hide-scrollbars --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run --window-size=800,600 --remote-debugging-pipe"
)
_SECONDS = 60


class Chromium:
    """A browser with one page. `close` it, and its folder can be removed."""

    def __init__(self, folder: pathlib.Path):
        program = shutil.which("google-chrome") or shutil.which("chromium")
        if program is None:
            pytest.skip("needs chromium (Debian package chromium)")
        commands_out, commands_in = os.pipe()
        messages_out, messages_in = os.pipe()
        # Chromium reads commands from descriptor 3 and writes messages to 4.
        self._process = subprocess.Popen(
            [
                "bash",  # because `sh` may read one digit only
                "-c",
                f'exec "$0" {_FLAGS} --user-data-dir="$1" about:blank '
                f"3<&{commands_out} 4>&{messages_in}",
                program,
                str(folder),
            ],
            pass_fds=(commands_out, messages_in),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands_out)
        os.close(messages_in)
        self._commands, self._messages = commands_in, messages_out
        self._numbers, self._buffer, self._session = itertools.count(), b"", None
        self._events = []
        try:
            self._attach()
        except BaseException:
            self.close()
            raise

    def _attach(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params):
        """Result of a command; events that arrive before it are recorded."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != number:
            self._events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def _read(self):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._messages], [], [], _SECONDS)
            data = os.read(self._messages, 2**20) if ready else b""
            assert data, "Chromium has ended, or does not answer"
            self._buffer += data
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def evaluate(self, script: str):
        """Value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Return when a JavaScript expression is true."""
        deadline = time.monotonic() + _SECONDS
        while not self.evaluate(condition):
            assert time.monotonic() < deadline, condition
            time.sleep(0.02)

    def open(self, path: pathlib.Path, fragment: str = "") -> None:
        """Load a page; the document is new even if only the fragment differs."""
        self.call("Page.navigate", url="about:blank")
        self.wait_for("location.protocol === 'about:'")
        self.call("Page.navigate", url=path.as_uri() + fragment)
        self.wait_for(
            "location.protocol === 'file:' && document.readyState === 'complete'"
        )

    def screenshot(self, box):
        """Pixels `[h, w, 3]` of a box `(x, y, width, height)` of the page."""
        clip = dict(zip(("x", "y", "width", "height"), box, strict=True), scale=1)
        data = self.call("Page.captureScreenshot", format="png", clip=clip)["data"]
        return iio.imread(io.BytesIO(base64.b64decode(data)))[..., :3]

    def take_events(self, *methods: str) -> list:
        """Parameters of the events recorded so far, of some methods, and forget all."""
        self.evaluate("0")
        events = [e["params"] for e in self._events if e.get("method") in methods]
        self._events = []
        return events

    def close(self) -> None:
        """End the browser."""
        try:
            os.write(self._commands, b'{"id": -1, "method": "Browser.close"}\0')
            self._process.wait(10)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._commands)
        os.close(self._messages)
