"""Vault's key-value engine, version 2, as far as its clients can tell: versions, check-and-set, tokens, errors.

By https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2, over plain HTTP on this machine.
"""

import contextlib
import http.server
import json
import threading
import urllib.parse


class Vault:
    """The secrets of one engine, mounted as `secret`."""

    def __init__(self, token: str):
        self.token = token
        self.secrets: dict[str, list[dict]] = {}
        self.lock = threading.Lock()
        self.before_write = lambda: None
        self.url = ""

    def put(self, path: str, data: dict):
        """Writes without asking."""
        self.secrets.setdefault(path, []).append(dict(data))

    def current(self, path: str) -> dict:
        """The newest version."""
        return self.secrets[path][-1]

    def answer(self, method: str, target: str, headers, body: bytes) -> tuple[int, dict]:
        """A status and a document."""
        if headers.get("X-Vault-Token") != self.token:
            return 403, {"errors": ["permission denied"]}
        parts = urllib.parse.urlsplit(target)
        if not parts.path.startswith("/v1/secret/data/"):
            return 404, {"errors": ["no handler for route"]}
        path = parts.path.removeprefix("/v1/secret/data/")
        if method == "GET":
            return self._read(path, urllib.parse.parse_qs(parts.query))
        self.before_write()
        return self._write(path, json.loads(body))

    def _read(self, path: str, query: dict) -> tuple[int, dict]:
        versions = self.secrets.get(path, [])
        number = int(query.get("version", ["0"])[0]) or len(versions)
        if not 0 < number <= len(versions):
            return 404, {"errors": []}
        metadata = {"version": number, "destroyed": False, "deletion_time": ""}
        return 200, {"data": {"data": versions[number - 1], "metadata": metadata}}

    def _write(self, path: str, document: dict) -> tuple[int, dict]:
        with self.lock:
            versions = self.secrets.setdefault(path, [])
            cas = document.get("options", {}).get("cas")
            if cas is not None and cas != len(versions):
                return 400, {"errors": ["check-and-set parameter did not match the current version"]}
            versions.append(document["data"])
            return 200, {"data": {"version": len(versions)}}


@contextlib.contextmanager
def running(token: str):
    """Such a server on a free port."""
    vault = Vault(token)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, document = vault.answer(self.command, self.path, self.headers, body)
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _serve

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    vault.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield vault
    finally:
        server.shutdown()
        server.server_close()
