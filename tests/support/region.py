"""One region as a child process: start it, wait for `Ready.`, kill it, look at its processes and files."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
READY_SECONDS = 30
MARKER = "TEST_RUN_MARKER"


def built_binary():
    """The binary to test: ELYSIUM_BIN, else the newer of cargo's two."""
    if os.environ.get("ELYSIUM_BIN"):
        return pathlib.Path(os.environ["ELYSIUM_BIN"])
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [path for path in (target / "release/elysium", target / "debug/elysium") if path.exists()]
    if not built:
        raise SystemExit("no binary: cargo build -p elysium")
    return max(built, key=lambda path: path.stat().st_mtime)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Region:
    """A region on a free port with a data directory of its own."""

    def __init__(self, binary=None, data_dir=None, arguments=(), port=None):
        self.binary = pathlib.Path(binary or built_binary()).resolve()
        self.own_dir = data_dir is None
        self.data_dir = pathlib.Path(data_dir or tempfile.mkdtemp(prefix="elysium-test-"))
        self.arguments = list(arguments)
        self.port = port or free_port()
        self.marker = uuid.uuid4().hex
        self.log_path = self.data_dir.with_name(self.data_dir.name + ".log")
        self.process = None
        self.ready = threading.Event()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        """Starts it and returns how many seconds it took to say `Ready.`."""
        command = [self.binary, "start", "--port", str(self.port), "--data-dir", self.data_dir, *self.arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("ELYSIUM_", "AWS_"))}
        environment[MARKER] = self.marker
        self.ready.clear()
        begun = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                            stderr=log, env=environment, start_new_session=True)
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        while not self.ready.wait(0.02):
            if self.process.poll() is not None:
                raise RuntimeError(f"the region ended with {self.process.returncode} before Ready.\n{self.log()[-3000:]}")
            if time.monotonic() - begun > READY_SECONDS:
                self.kill()
                raise RuntimeError(f"no Ready. within {READY_SECONDS} s\n{self.log()[-3000:]}")
        return time.monotonic() - begun

    def _read(self, pipe):
        """Keeps what the region prints, so that its pipe never fills."""
        with open(self.log_path, "ab") as log:
            for line in pipe:
                log.write(line)
                log.flush()
                if line.strip() == b"Ready.":
                    self.ready.set()
        self.ready.clear()

    def kill(self):
        """kill -9 of the server alone: whatever it started must notice by itself."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def stop(self, seconds=15):
        """SIGTERM; the exit code. Kills where it does not end in time, and says so."""
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"the region did not end within {seconds} s of SIGTERM") from None

    def restart(self, kill=False):
        """Stops (or kills) and starts on the same port and data; seconds to `Ready.`."""
        self.kill() if kill else self.stop()
        return self.start()

    def close(self):
        """Kills it and removes its files."""
        self.kill()
        for pid in self.survivors():
            os.kill(pid, signal.SIGKILL)
        if self.own_dir:
            shutil.rmtree(self.data_dir, ignore_errors=True)
            self.log_path.unlink(missing_ok=True)

    def log(self):
        """All it has written to stdout and stderr."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def survivors(self):
        """Processes that carry this region's marker in their environment, the server itself left out."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit() and (self.process is None or int(entry.name) != self.process.pid):
                try:
                    if self.marker.encode() in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
                except OSError:
                    pass
        return found

    def tree(self):
        """Pids of the server and all its descendants."""
        children = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                    children.setdefault(int(fields[1]), []).append(int(entry.name))
                except (OSError, IndexError):
                    pass
        pids, todo = [], [self.process.pid]
        while todo:
            pids.append(todo.pop())
            todo += children.get(pids[-1], [])
        return pids

    def resident_mb(self):
        """Resident memory of the server process alone."""
        try:
            for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024
        except OSError:
            pass
        return 0.0

    def disk_mb(self, part=""):
        """Megabytes under the data directory, of files whose path contains `part`."""
        total = 0
        for folder, _, files in os.walk(self.data_dir):
            for name in files:
                path = os.path.join(folder, name)
                if part in os.path.relpath(path, self.data_dir):
                    try:
                        total += os.stat(path).st_blocks * 512
                    except OSError:
                        pass
        return total / 1e6
