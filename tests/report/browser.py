"""A headless browser for tests: Chromium or Chrome, spoken to through pipes in its DevTools protocol, no driver."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_WAIT = 60.0  # seconds for one answer


def executable() -> str | None:
    """Return the path of a browser, or None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One browser with one page; ``errors`` holds what the page's console complained about."""

    def __init__(self, path: str, profile: Path) -> None:
        from_browser, to_us = os.pipe()
        from_us, to_browser = os.pipe()
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                 "--no-first-run", "--mute-audio", "--disable-extensions", "--disable-background-networking",
                 f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]  # fmt: skip
        here, there = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (from_us, to_us))  # clear of 3 and 4
        nothing = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in range(3)]
        pipes = [(os.POSIX_SPAWN_DUP2, here, 3), (os.POSIX_SPAWN_DUP2, there, 4)]  # it reads from 3 and writes to 4
        self._process = os.posix_spawn(path, [path, *flags], os.environ, file_actions=[*nothing, *pipes], setpgroup=0)
        for fd in (from_us, to_us, here, there):
            os.close(fd)
        self._out, self._in = os.fdopen(to_browser, "wb", buffering=0), os.fdopen(from_browser, "rb", buffering=0)
        self._buffer, self._next, self._session = b"", 0, ""
        self._events: list[dict[str, Any]] = []
        self.errors: list[str] = []
        target = next(t for t in self.send("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._next += 1
        message: dict[str, Any] = {"id": self._next, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._next:
                assert "error" not in answer, answer["error"]
                return answer["result"]

    def open(self, path: Path, *, width: int = 1200, height: int = 900, scheme: str = "light") -> None:
        """Open a file and wait until it is loaded."""
        self.resize(width, height)
        self.send("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.errors.clear()
        self._events.clear()
        self.send("Page.navigate", url=path.as_uri())
        while not any(e.get("method") == "Page.loadEventFired" for e in self._events):
            self._read()

    def resize(self, width: int, height: int = 900) -> None:
        """Set the size of the window."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            extra = {"text": text} if text and kind == "keyDown" else {}
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **extra)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Save what is seen, or the whole page, as PNG."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", captureBeyondViewport=whole)["data"]))

    def close(self) -> None:
        """End the browser."""
        self._session = ""
        with suppress(AssertionError, OSError):
            self.send("Browser.close")
        with suppress(OSError):
            for _ in range(100):
                if os.waitpid(self._process, os.WNOHANG)[0]:
                    break
                time.sleep(0.1)
            else:
                os.killpg(self._process, signal.SIGKILL)
                os.waitpid(self._process, 0)
        self._out.close()
        self._in.close()

    def _read(self) -> dict[str, Any]:
        """Return the next message; events of the console are kept as errors."""
        while b"\0" not in self._buffer:
            ready = select.select([self._in], [], [], _WAIT)[0]
            piece = os.read(self._in.fileno(), 1 << 20) if ready else b""
            if not piece:
                raise OSError("the browser has gone" if ready else f"the browser said nothing for {_WAIT:g} s")
            self._buffer += piece
        raw, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(raw)
        method, given = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(given["exceptionDetails"].get("exception", {}).get("description", str(given)))
        elif method == "Log.entryAdded" and given["entry"]["level"] in ("error", "warning"):
            self.errors.append(given["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and given["type"] in ("error", "warning", "assert"):
            self.errors.append(str(given["args"]))
        if method:
            self._events.append(message)
        return message
