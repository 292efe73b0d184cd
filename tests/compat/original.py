"""Who plays VirusTotal: another Assay, or a server that is wrong in one way."""

import contextlib
import gzip
import http.server
import json
import pathlib
import socket
import ssl
import struct
import threading
import time

from assay import Server, run

KEY = "5c" * 32
SECOND = "6d" * 32
# What the contract of a faulty upstream has.
PRIVILEGES = ("private", "file-feed", "url-feed")


class Original:
    """An Assay in VirusTotal's place: a group with a contract, and a service account whose key the broker gets."""

    def __init__(self, server: Server, day: int = 100_000, minute: int = 60_000):
        self.server = server
        limits = {"minute": minute, "day": day, "month": 1_000_000}
        privileges = ["private", "intelligence", "allinfo", "downloads-tier-1"]
        self.write("/tiers", "tier", "contract", {"limits": limits, "privileges": privileges})
        self.write("/groups", "group", "acme", {"tier": "contract"})
        self.accounts = [self.account(name) for name in ("one", "two")]
        self.write("/groups", "group", "rivals", {"tier": "contract"})

    def write(self, path: str, kind: str, name: str, attributes: dict):
        """Makes an object."""
        body = {"data": {"type": kind, "id": name, "attributes": attributes}}
        answer = self.server.post(path, json=body)
        assert answer.status_code == 200, answer.text

    def account(self, name: str, group: str = "acme") -> str:
        """An account of a group; answers a key of it."""
        self.write("/users", "user", name, {"group": group})
        return self.server.new_key(name)

    def used(self) -> int:
        """What the contract's day has been charged, by the original's own count."""
        quotas = self.server.get("/users/one/overall_quotas").json()["data"]
        return quotas["api_requests_daily"]["group"]["used"]


def add(broker: Server, host: str, key: str, *options: str, name: str = "vt"):
    """Registers a contract with the command line."""
    done = run("upstream", "add", name, "--host", host, "--key-stdin", "--data", broker.data, *options, stdin=key.encode())
    assert done.returncode == 0, done.stderr.decode()
    # A running server sees it within a second.
    time.sleep(1.2)
    return done


def report(broker: Server, name: str = "vt") -> dict:
    """Who asked for what; a running server writes it down every second."""
    time.sleep(1.2)
    done = run("upstream", "report", name, "--data", broker.data, "--format", "json")
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def user_and_quotas(path: str, account: str = "soc", group: str = "acme", day: int = 1_000) -> dict | None:
    """What a broker asks about its own key."""
    if path.startswith("/api/v3/users/") and "overall_quotas" in path:
        allowed = {"api_requests_hourly": 60_000, "api_requests_daily": day, "api_requests_monthly": 100_000}
        return {"data": {name: {"user": {"allowed": most, "used": 0}} for name, most in allowed.items()}}
    if path.startswith("/api/v3/users/"):
        relationships = {"api_quota_group": {"data": {"type": "group", "id": group}}}
        attributes = {"privileges": {name: {"granted": True} for name in PRIVILEGES}}
        return {"data": {"type": "user", "id": account, "attributes": attributes, "relationships": relationships}}
    return None


def file_report(sha256: str, **attributes) -> dict:
    """A file as VirusTotal shows it."""
    stats = {"malicious": 60, "undetected": 10}
    return {"data": {"type": "file", "id": sha256, "attributes": {"sha256": sha256, "last_analysis_stats": stats} | attributes}}


class _Exchange(http.server.BaseHTTPRequestHandler):
    """Answers as its server was told to; the connection itself may be the fault."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """One exchange."""
        owner = self.server.owner
        about = user_and_quotas(self.path)
        if about is not None and self.headers["x-apikey"] in owner.dead:
            return self.refuse(401, "WrongCredentialsError")
        if about is not None:
            return self.document(about)
        with owner.lock:
            owner.asked.append((self.path, dict(self.headers)))
        if self.headers["x-apikey"] in owner.dead:
            return self.refuse(401, "WrongCredentialsError")
        return owner.fault(self)

    def document(self, document, status: int = 200, **headers: str):
        """JSON."""
        return self.send(status, json.dumps(document).encode(), {"Content-Type": "application/json"} | headers)

    def refuse(self, status: int, code: str, **headers: str):
        """An error of the API."""
        return self.document({"error": {"code": code, "message": "no"}}, status, **headers)

    def send(self, status: int, body: bytes, headers: dict[str, str], length: int | None = None):
        """Anything."""
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(body) if length is None else length), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def reset(self):
        """Ends the connection without a word."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def sha256(self) -> str:
        """Which file is asked for."""
        return self.path.split("/")[4].split("?")[0]

    def log_message(self, *_):
        """Says nothing."""


class Faulty:
    """A server in VirusTotal's place. What is not about the broker's own account is answered by `fault(exchange)`."""

    def __init__(self, context: ssl.SSLContext | None = None):
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Exchange)
        self.http.owner, self.http.daemon_threads = self, True
        self.http.request_queue_size = 512
        self.http.handle_error = lambda *_: None
        if context:
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.scheme = "https" if context else "http"
        self.asked, self.dead, self.fault = [], set(), known
        self.lock = threading.Lock()
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.scheme}://127.0.0.1:{self.http.server_port}"

    def stop(self):
        """Ends it."""
        self.http.shutdown()
        self.http.server_close()


# Faults: each gets the exchange.


def known(exchange):
    """No fault: every file is known."""
    exchange.document(file_report(exchange.sha256()))


def unknown(exchange):
    """No fault: nothing is known."""
    exchange.refuse(404, "NotFoundError")


def slow(seconds: float):
    """Says nothing for a while, then everything."""

    def wait(exchange):
        time.sleep(seconds)
        known(exchange)

    return wait


def reset(exchange):
    """Resets the connection."""
    exchange.reset()


def truncated(exchange):
    """Promises more than it sends."""
    body = json.dumps(file_report(exchange.sha256())).encode()
    exchange.send(200, body[: len(body) // 2], {"Content-Type": "application/json"}, len(body))
    exchange.reset()


def cut_json(exchange):
    """Sends half a document as if it were whole."""
    body = json.dumps(file_report(exchange.sha256())).encode()
    exchange.send(200, body[: len(body) // 2], {"Content-Type": "application/json"})


def gzip_that_is_none(exchange):
    """Says gzip and sends text."""
    body = json.dumps(file_report(exchange.sha256())).encode()
    exchange.send(200, body, {"Content-Type": "application/json", "Content-Encoding": "gzip"})


def gzip_bomb(exchange):
    """Ten kilobytes that become ten gigabytes would be too slow to make: 64 MiB do."""
    body = gzip.compress(b'{"data": "' + b" " * (64 << 20) + b'"}')
    exchange.send(200, body, {"Content-Type": "application/json", "Content-Encoding": "gzip"})


def html(exchange):
    """A portal's page."""
    exchange.send(200, b"<html><body>Sign in</body></html>", {"Content-Type": "text/html"})


def html_404(exchange):
    """A portal's page that is not there: it says nothing about the file."""
    exchange.send(404, b"<html><body>No such page</body></html>", {"Content-Type": "text/html"})


def large(exchange):
    """More JSON than is read."""
    exchange.document(file_report(exchange.sha256(), names=["x" * 1024] * (11 << 10)))


def deep(exchange):
    """JSON that is nested too deep."""
    exchange.send(200, b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", {"Content-Type": "application/json"})


def wrong_types(exchange):
    """A file whose id is a number."""
    document = file_report(exchange.sha256())
    document["data"]["id"] = 7
    exchange.document(document)


def another_file(exchange):
    """The report of another file."""
    exchange.document(file_report("ee" * 32))


def redirect_elsewhere(target: str):
    """Sends the broker, and its key, to somebody else."""
    return lambda exchange: exchange.send(302, b"", {"Location": f"{target}{exchange.path}"})


def status(code: int, **headers: str):
    """An error of the server itself."""
    return lambda exchange: exchange.refuse(code, "InternalError" if code >= 500 else "QuotaExceededError", **headers)


def files_that_hold(folder: pathlib.Path, *needles: str) -> list[str]:
    """The files under a folder that have one of these texts in them, in any case."""
    wanted = [needle.encode() for text in needles for needle in (text, text.upper())]
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and any(needle in path.read_bytes() for needle in wanted):
            found.append(str(path))
    return found
