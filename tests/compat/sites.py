"""A site on this machine, for servers that fetch."""

import contextlib
import http.server
import threading

PAGE = b"<html><head><title>A shop</title></head><body><a href='http://other.example/'>o</a></body></html>"


class Site(http.server.BaseHTTPRequestHandler):
    """A page, and a redirect to it."""

    def do_GET(self):
        """Answers."""
        if self.path == "/old":
            self.send_response(301)
            self.send_header("Location", "/new")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format, *args):
        """Says nothing."""


@contextlib.contextmanager
def serving_site():
    """Answers its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
