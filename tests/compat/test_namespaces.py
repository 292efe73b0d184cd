"""A server with the rules as they come, in a network of its own in which every address answers: addresses of the open internet
are called, inner ones are not, whatever leads there. Another server counts who calls."""

import http.server
import os
import socket
import ssl
import threading
from urllib.parse import quote, unquote

import pytest
import trustme
import vt

from assay import Server
from namespaces import Namespace, wire
from sites import PAGE
from test_lookups import looked_up
from test_urls import completed

OPEN = ["93.184.215.14", "[2606:2800:21f:cb07::1]"]
INNER = [
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.2.2",
    "192.168.1.1",
    "198.18.0.1",
    "[fd00:ec2::254]",
    "[2001:db8::2]",
]
OWN = "52.0.0.1"


@pytest.fixture(scope="module", autouse=True)
def root():
    """Whoever is not root may not make network namespaces; in CI that fails the run."""
    if os.geteuid() != 0:
        pytest.skip("only root makes network namespaces")


class _Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        """A page, or a redirect to what the path says."""
        self.server.called.append(self.connection.getsockname()[0].removeprefix("::ffff:"))
        redirect = self.path.startswith("/to/")
        self.send_response(302 if redirect else 200)
        if redirect:
            self.send_header("Location", unquote(self.path.removeprefix("/to/")))
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0" if redirect else str(len(PAGE)))
        self.end_headers()
        if not redirect:
            self.wfile.write(PAGE)

    def log_message(self, format, *args):
        """Says nothing."""


class _Everywhere(http.server.ThreadingHTTPServer):
    """At every address of its namespace."""

    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def everywhere(port: int, called: list, context: ssl.SSLContext | None = None) -> _Everywhere:
    """A site that notes at which address it was called."""
    site = _Everywhere(("::", port), _Site)
    site.called = called
    if context is not None:
        site.socket = context.wrap_socket(site.socket, server_side=True)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    return site


@pytest.fixture(scope="module")
def world():
    """The namespace of the server, and at which addresses the one beside it was called."""
    here, there, called = Namespace("assay"), Namespace("others"), []
    sites = []
    try:
        wire(here, there)
        here.ip("addr", "add", f"{OWN}/32", "dev", "wire0")
        for address in OPEN + INNER:
            if address.startswith("192.0.2.") or address == "[2001:db8::2]":
                continue
            bare = address.strip("[]")
            more = ("nodad",) if ":" in bare else ()
            there.ip("addr", "add", f"{bare}/{128 if more else 32}", "dev", "wire0", *more)
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("shop.example.com").configure_cert(context)
        sites.append(there.run(lambda: everywhere(80, called)))
        sites.append(there.run(lambda: everywhere(443, called, context)))
        sites.append(here.run(lambda: everywhere(80, called)))
        yield here, called
    finally:
        for site in sites:
            site.shutdown()
            site.server_close()
        here.remove()
        there.remove()


def in_world(world, tmp_path, body):
    """Runs a server in its namespace, and `body` with a client of it."""
    here, called = world
    called.clear()
    config = tmp_path / "assay.toml"
    config.write_text('[urls]\nfetch = "on"\npatience = "3s"\n')

    def run():
        server = Server(tmp_path, "--config", str(config)).start()
        try:
            with vt.Client(server.operator_key, host=server.url) as client:
                body(client)
        finally:
            assert server.stop() == 0

    here.run(run)
    return called


def outcome(client: vt.Client, url: str) -> str:
    """What came of fetching a URL."""
    completed(client, client.scan_url(url))
    return client.get_object("/urls/{}", vt.url_id(url)).last_fetch_outcome


def test_the_open_internet_is_called_and_redirects_are_followed_there(world, tmp_path):
    def body(client):
        for address in OPEN:
            assert outcome(client, f"http://{address}/page") == "ok"
        assert outcome(client, f"http://{OPEN[0]}/to/{quote(f'http://{OPEN[1]}/', safe='')}") == "ok"

    called = in_world(world, tmp_path, body)
    assert {OPEN[0], OPEN[1].strip("[]")} <= set(called)


def test_no_inner_address_is_called_directly_or_by_a_redirect(world, tmp_path):
    def body(client):
        for address in INNER:
            assert outcome(client, f"http://{address}/") not in ("ok", None), address
            sent_on = outcome(client, f"http://{OPEN[0]}/to/{quote(f'http://{address}/', safe='')}")
            assert sent_on != "ok" and "took too long" not in sent_on, address

    called = in_world(world, tmp_path, body)
    assert set(called) == {OPEN[0]}


def test_the_servers_own_address_is_not_called_though_it_is_a_public_one(world, tmp_path):
    def body(client):
        assert "this server" in outcome(client, f"http://{OWN}/")

    assert in_world(world, tmp_path, body) == []


def test_certificates_are_seen_at_open_addresses_only(world, tmp_path):
    def body(client):
        report = looked_up(client, f"/ip_addresses/{OPEN[0]}")
        names = report.last_https_certificate["extensions"]["subject_alternative_name"]
        assert names == ["shop.example.com"]
        (shown,) = client.iterator(f"/ip_addresses/{OPEN[0]}/historical_ssl_certificates")
        assert shown.id == report.last_https_certificate["thumbprint_sha256"]
        for address in ["10.0.0.1", "169.254.169.254", OWN]:
            assert looked_up(client, f"/ip_addresses/{address}").get("last_https_certificate") is None, address

    in_world(world, tmp_path, body)
