"""Servers that are wrong in one way each, for a client that has to say in which."""

import contextlib
import datetime
import http.server
import pathlib
import socket
import ssl
import threading
import time

import trustme

NOW = datetime.datetime.now(datetime.timezone.utc)
V3_REFUSAL = b'{"error": {"code": "AuthenticationRequiredError", "message": "X-Apikey header is missing"}}'


class Page(http.server.BaseHTTPRequestHandler):
    """Answers every request with what its server was told to."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """One answer."""
        self.server.seen.append((self.path, dict(self.headers)))
        status, headers, body = self.server.answer(self.path, self.headers)
        self.send_response_only(status)
        for name, value in {"Date": self.date_time_string(), "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        """The same, once the body was read."""
        self.server.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.do_GET()

    def log_message(self, *_):
        """Says nothing."""


@contextlib.contextmanager
def serving(answer, context: ssl.SSLContext | None = None):
    """A server whose `answer(path, headers)` gives status, headers and body. Its port is `server_port`, what
    it was asked `seen`, what it was sent `bodies`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.answer, server.seen, server.bodies, server.daemon_threads = answer, [], [], True
    server.handle_error = lambda *_: None
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def silent():
    """A port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        over, kept = threading.Event(), []

        def take():
            while not over.is_set():
                with contextlib.suppress(TimeoutError, OSError):
                    kept.append(listener.accept())

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join()


def always(status: int, body: bytes, **headers: str):
    """The same answer to everything; names of headers are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _path, _headers: (status, named, body)


def v3(path, headers, *, known=None):
    """A server that speaks as much of v3 as VirusTotal's documentation promises; `known` answers paths with a key."""
    if not headers.get("x-apikey"):
        return 401, {"Content-Type": "application/json"}, V3_REFUSAL
    for begin, answer in (known or {}).items():
        if path.startswith(begin):
            return answer
    return 404, {"Content-Type": "application/json"}, b'{"error": {"code": "NotFoundError", "message": "not found"}}'


def certificate(folder: pathlib.Path, *names: str, days: float = 90, begins: float = -30) -> tuple[ssl.SSLContext, pathlib.Path]:
    """A server's context with a certificate for these names, and the file of the authority that made it."""
    authority = trustme.CA()
    made = authority.issue_cert(
        *names, not_before=NOW + datetime.timedelta(days=begins), not_after=NOW + datetime.timedelta(days=days)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.configure_cert(context)
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return context, path


def slowly(seconds: float, answer):
    """The same answer, later."""

    def wait(path, headers):
        time.sleep(seconds)
        return answer(path, headers)

    return wait
