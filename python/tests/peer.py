"""The other side of a test: a function of the test's own file, run in a thread or in a process.

The function is called as `function(channel, *arguments)`; arguments, and what goes through the channel, are plain JSON.
An error in it fails the test at `finish()`. Nothing here knows zerobuffer.
"""

import importlib.util
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path

LIMIT = 30  # seconds for anything that should take none


class Channel:
    """What the function gets: say() to the test, hear() from it."""

    def __init__(self, say, hear):
        self.say = say
        self.hear = hear


class Peer:
    """What the test gets."""

    def hear(self):
        """The next thing that the function said."""
        raise NotImplementedError

    def say(self, message):
        raise NotImplementedError

    def finish(self):
        """Waits until the function has returned; fails where it raised."""
        raise NotImplementedError

    def end(self):
        """Ends it by force if it still runs: the test is over."""
        raise NotImplementedError


class ThreadPeer(Peer):
    def __init__(self, function, arguments):
        self._said: "queue.Queue" = queue.Queue()
        self._told: "queue.Queue" = queue.Queue()
        self._error = None
        channel = Channel(lambda message: self._said.put(message), lambda: self._told.get(timeout=LIMIT))

        def run():
            try:
                function(channel, *arguments)
            except BaseException:
                self._error = traceback.format_exc()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def hear(self):
        try:
            return self._said.get(timeout=LIMIT)
        except queue.Empty:
            raise AssertionError(f"the other thread said nothing; {self._error}") from None

    def say(self, message):
        self._told.put(message)

    def finish(self):
        self._thread.join(LIMIT)
        assert not self._thread.is_alive(), "the other thread did not end"
        assert self._error is None, self._error

    def end(self):
        self._thread.join(LIMIT)


class ProcessPeer(Peer):
    def __init__(self, function, arguments):
        file = sys.modules[function.__module__].__file__
        self._process = subprocess.Popen(
            [sys.executable, __file__, file, function.__name__, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: "queue.Queue" = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    @property
    def pid(self):
        return self._process.pid

    def hear(self):
        try:
            line = self._lines.get(timeout=LIMIT)
        except queue.Empty:
            raise AssertionError("the other process said nothing") from None
        assert line is not None, "the other process ended without a word"
        return json.loads(line)

    def say(self, message):
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        """SIGKILL, and waits until it is dead."""
        self._process.kill()
        self._process.wait(LIMIT)

    def wait_for_end(self):
        """The exit code."""
        return self._process.wait(LIMIT)

    def finish(self):
        assert self.wait_for_end() == 0, "the other process failed; its traceback stands above"

    def end(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
        self._process.wait(LIMIT)
        self._process.stdin.close()
        self._process.stdout.close()


def start_thread(function, *arguments):
    return ThreadPeer(function, arguments)


def start_process(function, *arguments):
    return ProcessPeer(function, arguments)


def _main(file, function, arguments):
    sys.path.insert(0, str(Path(file).parent))
    spec = importlib.util.spec_from_file_location("peer_module", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    channel = Channel(
        lambda message: print(json.dumps(message), flush=True), lambda: json.loads(sys.stdin.readline())
    )
    getattr(module, function)(channel, *json.loads(arguments))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONFAULTHANDLER", "1")
    _main(*sys.argv[1:])
