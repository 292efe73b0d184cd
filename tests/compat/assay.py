"""The real binary under test: started on a free port over a folder of its own, stopped, killed, started again.

COMPAT_ASSAY names the binary; without it the debug build of this checkout is taken.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import requests
import vt

ROOT = pathlib.Path(__file__).resolve().parents[2]
READY_WITHIN = 30.0
STOPPED_WITHIN = 30.0


def binary() -> pathlib.Path:
    """Where the binary is."""
    path = pathlib.Path(os.environ.get("COMPAT_ASSAY", ROOT / "target" / "debug" / "assay"))
    if not path.exists():
        raise FileNotFoundError(f"{path} is not built; run `cargo xtask test`, or set COMPAT_ASSAY")
    return path


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def environment(**more: str) -> dict[str, str]:
    """The caller's environment without what it says about Assay or about proxies, and with `more`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ASSAY_") and not name.lower().endswith("_proxy")
    }
    return kept | more


def run(*arguments, stdin: bytes = b"", timeout: float = 120, **more: str) -> subprocess.CompletedProcess:
    """Runs a command of the binary to its end; `more` goes to its environment."""
    command = [str(binary()), *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=timeout, env=environment(**more), check=False)


def _die_with_the_tests():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL)


class Server:
    """One `assay serve` and its data folder. `folder` holds the data, the operator's key and the log."""

    def __init__(self, folder: pathlib.Path, *options: str, scheme: str = "http", data: pathlib.Path | None = None):
        self.folder = folder
        self.data = data or folder / "data"
        self.key_file = folder / "operator.key"
        self.log = folder / "server.log"
        self.port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.options = options
        self.verify: bool | str = True
        self.cwd: pathlib.Path | None = None
        self.process: subprocess.Popen | None = None
        # Proxies and netrc of the person's own environment have no say here.
        self.session = requests.Session()
        self.session.trust_env = False

    # Running it

    def start(self) -> "Server":
        """Starts it and waits until it answers."""
        command = [str(binary()), "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}", *self.options]
        if not self.key_file.exists():
            command += ["--key-file", str(self.key_file)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.cwd,
                env=environment(),
                preexec_fn=_die_with_the_tests,
            )
        self.wait_until_ready()
        return self

    def wait_until_ready(self):
        """Waits for `GET /healthz` to answer 200."""
        deadline = time.monotonic() + READY_WITHIN
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with status {self.process.returncode}:\n{self.log_tail()}")
            try:
                if self.session.get(f"{self.url}/healthz", timeout=5, verify=self.verify).status_code == 200:
                    return
            except (requests.ConnectionError, requests.Timeout, OSError):
                pass
            if time.monotonic() > deadline:
                raise AssertionError(f"the server is not ready after {READY_WITHIN} s:\n{self.log_tail()}")
            time.sleep(0.02)

    def stop(self) -> int:
        """Asks it to end (SIGTERM) and answers its exit status."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server does not end on SIGTERM:\n{self.log_tail()}") from None

    def kill9(self):
        """Ends it without a word."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self):
        """Stops it and starts it again on the same folder and port."""
        self.stop()
        self.start()

    def alive(self) -> bool:
        """Whether it runs and answers."""
        answer = self.session.get(f"{self.url}/healthz", timeout=10, verify=self.verify)
        return self.process.poll() is None and answer.status_code == 200

    def memory(self) -> int:
        """Its memory in bytes, without pages of files, which the kernel may take back."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(re.search(r"^RssAnon:\s+(\d+) kB$", status, re.MULTILINE).group(1))

    @contextlib.contextmanager
    def memory_grows_less_than(self, limit: int):
        """Watches its memory while the block runs."""
        before, peak, over = self.memory(), 0, threading.Event()

        def watch():
            nonlocal peak
            while not over.wait(0.005):
                peak = max(peak, self.memory())

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
        assert peak - before < limit, f"its memory grew by {(peak - before) >> 20} MiB"

    def log_tail(self, size: int = 4000) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else "(no log)"

    # Accounts

    @property
    def operator_key(self) -> str:
        """The key that the first start made."""
        return self.key_file.read_text().strip()

    def client(self) -> vt.Client:
        """vt-py as it comes, with the operator's key."""
        return vt.Client(self.operator_key, host=self.url)

    def account(self, name: str, tier: str) -> str:
        """Makes an account of a tier and answers a key of it; the server need not be told."""
        made = run("user", "create", name, "--tier", tier, "--data", self.data)
        assert made.returncode == 0, made.stderr.decode()
        return self.new_key(name)

    def new_key(self, name: str) -> str:
        """One more key of an account."""
        made = run("key", "create", "--account", name, "--data", self.data, "--format", "json")
        assert made.returncode == 0, made.stderr.decode()
        return json.loads(made.stdout)["key"]

    # Requests

    def request(self, method: str, path: str, key: str | None = "", **more) -> requests.Response:
        """A request under /api/v3 (or to a whole URL); the operator's key unless another or None is said."""
        url = path if path.startswith("http") else f"{self.url}/api/v3{path}"
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers["x-apikey"] = key or self.operator_key
        more.setdefault("timeout", 60)
        return self.session.request(method, url, headers=headers, verify=self.verify, **more)

    def get(self, path: str, key: str | None = "", **more) -> requests.Response:
        """GET."""
        return self.request("GET", path, key, **more)

    def post(self, path: str, key: str | None = "", **more) -> requests.Response:
        """POST."""
        return self.request("POST", path, key, **more)

    def upload(self, content: bytes, name: str = "sample.bin", key: str = "") -> str:
        """Uploads by POST /files and answers the analysis id."""
        answer = self.post("/files", key, files={"file": (name, content)})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["id"]

    def analysis(self, analysis_id: str, key: str = "", within: float = 60) -> dict:
        """Waits until the analysis is completed and answers the whole document."""
        deadline = time.monotonic() + within
        while True:
            answer = self.get(f"/analyses/{analysis_id}", key)
            assert answer.status_code == 200, answer.text
            if answer.json()["data"]["attributes"]["status"] == "completed":
                return answer.json()
            assert time.monotonic() < deadline, f"not completed after {within} s: {answer.text}\n{self.log_tail()}"
            time.sleep(0.05)

    def scan(self, content: bytes, name: str = "sample.bin", key: str = "") -> dict:
        """Uploads, waits, and answers the file's report."""
        document = self.analysis(self.upload(content, name, key), key)
        report = self.get(f"/files/{document['meta']['file_info']['sha256']}", key)
        assert report.status_code == 200, report.text
        return report.json()["data"]
