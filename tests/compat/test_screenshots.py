"""Pictures of pages: a real Chromium, with sites on this machine and a name server that remembers what it was asked.

As root the browser is started by a script that changes to `nobody`, as an operator would do it.
"""

import http.server
import json
import os
import pathlib
import shutil
import socket
import struct
import tempfile
import threading
import time
import zlib

import pytest
import requests
import vt

from assay import Server, free_port, run
from broken import certificate
from registry import NameServer
from test_urls import completed

GREEN, BLUE, RED = (32, 192, 64), (16, 32, 224), (224, 16, 16)
WITHIN = 60.0
# What a server that was killed has left some time is nobody's fault here.
FOLDERS, PROFILES = pathlib.Path(tempfile.gettempdir()), "assay-picture-*"
BEFORE = set(FOLDERS.glob(PROFILES))


def chromium() -> str:
    """Where the browser is."""
    found = shutil.which("chromium")
    assert found, "Chromium is not installed; `cargo xtask test` installs it as root on Debian"
    return found


def page(colour: tuple[int, int, int], rest: str = "") -> bytes:
    """A page of one colour, with something further down."""
    body = f"<body style='margin:0;background:rgb{colour}'><div style='height:100px'></div>{rest}</body>"
    return f"<!DOCTYPE html><html>{body}</html>".encode()


class Site(http.server.BaseHTTPRequestHandler):
    """Pages out of `pages`; remembers what was asked for. `/hangs` is never answered."""

    def do_GET(self):
        """Answers."""
        self.server.asked.append(self.path)
        if self.path == "/hangs":
            self.server.over.wait(WITHIN)
            return
        if self.path == "/to-file":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
            return
        kind, body = self.server.pages.get(self.path.partition("?")[0], ("text/plain", b"nothing here"))
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Says nothing."""


def served(host: str, pages: dict, context=None) -> http.server.ThreadingHTTPServer:
    """A running site."""
    server = http.server.ThreadingHTTPServer((host, 0), Site)
    server.pages, server.asked, server.over = pages, [], threading.Event()
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def ended(server: http.server.ThreadingHTTPServer):
    """Stops a site."""
    server.over.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def inner():
    """A site at an address that is not to be called."""
    server = served("127.0.0.2", {})
    yield server
    ended(server)


@pytest.fixture(scope="module")
def ear():
    """A UDP socket that is not to hear anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        yield listener


@pytest.fixture(scope="module")
def site(inner, ear):
    """The site whose pages are pictured."""
    hole = f"http://127.0.0.2:{inner.server_port}"
    reaching = f"""
        <link rel=dns-prefetch href=http://prefetched.example.com/><link rel=preconnect href={hole}>
        <img src="{hole}/picture"><iframe src="{hole}/frame"></iframe><iframe src="file:///etc/passwd"></iframe>
        <img src="http://127.0.0.1:{free_port()}/unlisted-port"><object data="{hole}/object"></object>
        <script>
          fetch("{hole}/fetched").catch(() => 0);
          new WebSocket("ws://127.0.0.2:{inner.server_port}/socket");
          const peer = new RTCPeerConnection({{iceServers: [{{urls: "stun:127.0.0.1:{ear.getsockname()[1]}"}}]}});
          peer.createDataChannel("x");
          peer.createOffer().then(offer => peer.setLocalDescription(offer));
        </script>"""

    def leaving(address: str) -> tuple[str, bytes]:
        return "text/html", page(GREEN, f"<script>location = '{address}'; window.open('{address}')</script>")

    server = served(
        "127.0.0.1",
        {
            "/green": ("text/html", page(GREEN)),
            "/styled": ("text/html", b"<!DOCTYPE html><link rel=stylesheet href=/blue.css><body>"),
            "/blue.css": ("text/css", f"body {{ background: rgb{BLUE} }}".encode()),
            "/reaching": ("text/html", page(GREEN, reaching)),
            "/file": leaving("file:///etc/passwd"),
            "/chrome": leaving("chrome://version"),
            "/data": leaving("data:text/html,<body style=background:red>"),
            "/refresh": ("text/html", page(GREEN, "<meta http-equiv=refresh content='0;url=file:///etc/passwd'>")),
            "/inwards": ("text/html", page(GREEN, f"<script>location = '{hole}/landing'</script>")),
            "/hanging": ("text/html", page(RED, "<img src=/hangs>")),
            "/data.json": ("application/json", b"{}"),
        },
    )
    yield server
    ended(server)


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A site with a certificate that nobody believes."""
    context, _ = certificate(tmp_path_factory.mktemp("certificate"), "site.example.com")
    server = served("127.0.0.1", {"/blue": ("text/html", page(BLUE))}, context)
    yield server
    ended(server)


@pytest.fixture(scope="module")
def names():
    """A name server."""
    server = NameServer()
    yield server
    server.stop()


def configured(folder: pathlib.Path, program: str, ports: list[int], names: NameServer) -> pathlib.Path:
    """A configuration with a browser."""
    config = folder / "assay.toml"
    config.write_text(
        f"""
        [urls]
        fetch = "on"
        allow = ["127.0.0.1/32"]
        ports = {ports}
        screenshots = "{program}"
        screenshot_patience = "16s"
        [dns]
        servers = ["127.0.0.1:{names.port}"]
        """
    )
    return config


def usable(folder: pathlib.Path) -> str:
    """A browser that starts here: as root, by a script that gives the profile's folder and the process to `nobody`."""
    if os.geteuid() != 0:
        return chromium()
    script = folder / "chromium-as-nobody"
    script.write_text(
        "#!/bin/sh\n"
        'chown nobody "$HOME" &&\n'
        f'exec setpriv --reuid=nobody --regid=nogroup --clear-groups {chromium()} "$@"\n'
    )
    script.chmod(0o755)
    return str(script)


@pytest.fixture(scope="module")
def picturing(tmp_path_factory, site, inner, secure, names):
    """A server with a browser."""
    folder = tmp_path_factory.mktemp("picturing")
    ports = [site.server_port, inner.server_port, secure.server_port]
    server = Server(folder, "--config", str(configured(folder, usable(folder), ports, names)))
    yield server.start()
    log = server.log_tail()
    assert server.stop() == 0, log


@pytest.fixture
def client(picturing):
    """vt-py with the operator's key."""
    with vt.Client(picturing.operator_key, host=picturing.url) as client:
        yield client


def pictures(client: vt.Client, url: str) -> list[vt.Object]:
    """The pictures of a URL."""
    return list(client.iterator(f"/urls/{vt.url_id(url)}/screenshots"))


def pictured(picturing: Server, client: vt.Client, url: str) -> vt.Object:
    """Scans a URL and waits for its picture, which comes after the verdict."""
    completed(client, client.scan_url(url))
    deadline = time.monotonic() + WITHIN
    while not (found := pictures(client, url)):
        assert time.monotonic() < deadline, f"no picture of {url}:\n{picturing.log_tail()}"
        time.sleep(0.1)
    return found[0]


def colour(png: bytes) -> tuple[int, int, int]:
    """The colour at the upper left of a PNG of eight bits a channel; there every filter changes nothing (PNG, 9.2)."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, packed = 8, b""
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        content = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, form, *_ = struct.unpack(">IIBBBBB", content)
        elif kind == b"IDAT":
            packed += content
        at += 12 + length
    assert (width, height, depth) == (1280, 800, 8) and form in {2, 6}
    rows = zlib.decompress(packed)
    assert len(rows) == height * (1 + width * {2: 3, 6: 4}[form])
    return tuple(rows[1:4])


def shown(picture: vt.Object) -> tuple[int, int, int]:
    """The colour of what is at a picture's link, which is fetched without a key."""
    answer = requests.get(picture.link, timeout=30)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    return colour(answer.content)


def browsers() -> list[str]:
    """The browsers of a server that run now."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if "assay-picture-" in line:
            found.append(line)
    return found


def test_a_page_is_pictured_as_a_browser_shows_it(picturing, client, site, names):
    url = f"http://site.example.com:{site.server_port}/green"
    picture = pictured(picturing, client, url)
    assert (picture.type, picture.sandbox_name) == ("screenshot", "Chromium")
    assert abs(picture.date.timestamp() - time.time()) < WITHIN
    assert shown(picture) == GREEN
    again = client.get_object(f"/screenshots/{picture.id}")
    assert (again.id, again.date) == (picture.id, picture.date)
    asked = {name for name, _ in names.asked}
    assert asked == {"site.example.com"}, "the browser must ask nobody on its own account"


def test_what_a_page_loads_is_loaded(picturing, client, site):
    assert shown(pictured(picturing, client, f"http://127.0.0.1:{site.server_port}/styled")) == BLUE
    assert "/blue.css" in site.asked


def test_a_page_with_a_bad_certificate_is_pictured(picturing, client, secure):
    assert shown(pictured(picturing, client, f"https://site.example.com:{secure.server_port}/blue")) == BLUE


def test_a_page_does_not_reach_inner_addresses(picturing, client, site, inner, names, ear):
    assert shown(pictured(picturing, client, f"http://127.0.0.1:{site.server_port}/reaching")) == GREEN
    assert shown(pictured(picturing, client, f"http://127.0.0.1:{site.server_port}/inwards")) == (255, 255, 255)
    assert inner.asked == []
    assert "prefetched.example.com" not in {name for name, _ in names.asked}
    with pytest.raises(BlockingIOError):
        ear.recv(64)


@pytest.mark.parametrize("path", ["file", "chrome", "data", "refresh"])
def test_a_page_does_not_lead_to_anything_but_pages(picturing, client, site, path):
    assert shown(pictured(picturing, client, f"http://127.0.0.1:{site.server_port}/{path}")) == GREEN


def test_the_command_line_tells_where_pictures_are(picturing, client, site):
    url = f"http://127.0.0.1:{site.server_port}/green?cli"
    picture = pictured(picturing, client, url)
    said = {"ASSAY_SERVER": picturing.url, "ASSAY_API_KEY_FILE": str(picturing.key_file)}
    told = run("url", url, "--related", "screenshots", "--format", "json", **said)
    assert told.returncode == 0, told.stderr.decode()
    ((one,),) = json.loads(told.stdout)
    assert one["id"] == picture.id and requests.get(one["attributes"]["link"], timeout=30).status_code == 200


def test_what_is_no_page_has_no_picture_and_a_verdict(picturing, client, site):
    quiet = [f"http://127.0.0.1:{site.server_port}/{path}" for path in ("to-file", "data.json")]
    for url in quiet:
        completed(client, client.scan_url(url))
    # Pictures are taken in turn: when the page's is there, there would be theirs.
    pictured(picturing, client, f"http://127.0.0.1:{site.server_port}/green?after")
    assert [pictures(client, url) for url in quiet] == [[], []]


def test_a_page_that_goes_on_loading_is_pictured_as_it_is_and_keeps_no_verdict_waiting(picturing, client, site):
    url = f"http://127.0.0.1:{site.server_port}/hanging"
    started = time.monotonic()
    completed(client, client.scan_url(url))
    assert time.monotonic() - started < 5 and pictures(client, url) == []
    assert shown(pictured(picturing, client, url)) == RED


def test_pictures_need_their_privilege_and_links_need_none(picturing, client, site):
    url = f"http://127.0.0.1:{site.server_port}/green"
    picture = pictured(picturing, client, url)
    public = picturing.account("looks-on", "public")
    for path in (f"/screenshots/{picture.id}", f"/urls/{vt.url_id(url)}/screenshots"):
        assert picturing.get(path, key=public).status_code == 403
        assert picturing.get(path, key=None).status_code == 401
        assert picturing.get(path).status_code == 200
    assert requests.get(picture.link[:-1] + ("0" if picture.link[-1] != "0" else "1"), timeout=30).status_code == 404


def test_nothing_is_left_of_a_browser(picturing, client, site):
    pictured(picturing, client, f"http://127.0.0.1:{site.server_port}/green?last")
    deadline = time.monotonic() + WITHIN
    while browsers() or set(FOLDERS.glob(PROFILES)) - BEFORE:
        assert time.monotonic() < deadline, browsers()
        time.sleep(0.1)


def test_a_browser_that_does_not_start_is_told_with_its_mend(tmp_path, site, names):
    # As root a plain Chromium refuses its sandbox; elsewhere something that is no browser fails as well.
    program = chromium() if os.geteuid() == 0 else "/bin/false"
    server = Server(tmp_path, "--config", str(configured(tmp_path, program, [site.server_port], names)))
    server.start()
    try:
        deadline = time.monotonic() + WITHIN
        while "no page will be pictured" not in server.log_tail():
            assert time.monotonic() < deadline, server.log_tail()
            time.sleep(0.1)
        mend = "run Assay as an ordinary user" if os.geteuid() == 0 else "by hand"
        assert mend in server.log_tail()
        with vt.Client(server.operator_key, host=server.url) as client:
            url = f"http://127.0.0.1:{site.server_port}/green"
            assert completed(client, client.scan_url(url)).status == "completed"
    finally:
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('fetch = "on"\nscreenshots = "/nowhere/chromium"', b"install Chromium"),
        ('fetch = "on"\nscreenshots = "chromium"', b"name the whole path"),
        ('screenshots = "/bin/sh"', b"urls.fetch"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_mend(tmp_path, lines, said):
    config = tmp_path / "assay.toml"
    config.write_text(f"[urls]\n{lines}\n")
    refused = run("serve", "--config", config, "--data", tmp_path / "data", "--listen", f"127.0.0.1:{free_port()}")
    assert refused.returncode != 0 and said in refused.stderr and b"urls.screenshots" in refused.stderr
