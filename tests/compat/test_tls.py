"""TLS: a certificate of the server's own, trusted by its CA file; no plain HTTP beyond this machine unless it is said."""

import stat
import subprocess
import sys

import pytest
import requests

from assay import Server, environment, free_port, run
from samples import sha256, unique


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory):
    """A server with `--tls self-signed`."""
    server = Server(tmp_path_factory.mktemp("tls"), "--tls", "self-signed", scheme="https")
    # Its CA exists only once it has started: readiness alone is asked without trust.
    server.verify = False
    server.start()
    server.verify = str(server.data / "tls" / "ca.pem")
    yield server
    server.stop()


def test_its_ca_file_is_all_that_a_client_needs(tls_server):
    for host in ("127.0.0.1", "localhost"):
        address = tls_server.url.replace("127.0.0.1", host)
        answer = requests.get(f"{address}/healthz", verify=tls_server.verify, timeout=10)
        assert answer.status_code == 200


def test_without_its_ca_file_a_client_does_not_trust_it(tls_server):
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{tls_server.url}/healthz", timeout=10)


def test_links_and_upload_addresses_are_https(tls_server):
    address = tls_server.get("/files/upload_url").json()["data"]
    assert address.startswith(f"{tls_server.url}/api/v3/")
    report = tls_server.scan(unique())
    assert report["links"]["self"].startswith(tls_server.url)


def test_vt_py_trusts_it_by_ssl_cert_file(tls_server, tmp_path):
    """As its start says: SSL_CERT_FILE, and nothing else changes for the client."""
    content = unique("tls")
    (tmp_path / "sample").write_bytes(content)
    program = """
import sys, time, vt
url, key, path, sha256 = sys.argv[1:]
with vt.Client(key, host=url) as client:
    with open(path, "rb") as file:
        analysis = client.scan_file(file)
    while client.get_object("/analyses/{}", analysis.id).status != "completed":
        time.sleep(0.1)
    assert client.get_object("/files/{}", sha256).id == sha256
"""
    arguments = [tls_server.url, tls_server.operator_key, str(tmp_path / "sample"), sha256(content)]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment(SSL_CERT_FILE=str(tls_server.data / "tls" / "ca.pem")),
        capture_output=True, timeout=60, check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_its_private_keys_are_for_their_owner_only(tls_server):
    secrets = [path for path in (tls_server.data / "tls").iterdir() if b"PRIVATE KEY" in path.read_bytes()]
    assert secrets and all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in secrets)


def test_the_certificate_survives_a_restart(tls_server):
    before = (tls_server.data / "tls" / "ca.pem").read_bytes()
    tls_server.restart()
    assert (tls_server.data / "tls" / "ca.pem").read_bytes() == before and tls_server.alive()


def test_the_start_says_how_clients_trust_it(tls_server):
    assert "SSL_CERT_FILE" in tls_server.log_tail(1 << 20)


def test_plain_http_beyond_this_machine_is_refused_unless_it_is_said(tmp_path):
    listen = f"0.0.0.0:{free_port()}"
    key_file = tmp_path / "key"
    refused = run("serve", "--data", tmp_path / "data", "--listen", listen, "--key-file", key_file, timeout=20)
    assert refused.returncode not in (0, None)
    assert "--insecure-http" in (refused.stderr + refused.stdout).decode()
    assert not key_file.exists(), "a start that was refused makes no key"
