"""URLs, domains and IP addresses: vt-py as it comes, against a server that fetches from sites on this machine."""

import base64
import json
import time

import pytest
import vt

from assay import Server, run
from sites import PAGE, serving_site

STATS = {"malicious", "suspicious", "undetected", "harmless", "timeout"}


@pytest.fixture(scope="module")
def site():
    """The address of a site on this machine."""
    with serving_site() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def fetching(tmp_path_factory, site):
    """A server that may fetch from this machine."""
    folder = tmp_path_factory.mktemp("fetching")
    port = site.rsplit(":", 1)[1]
    config = folder / "assay.toml"
    config.write_text(f'[urls]\nfetch = "on"\nallow = ["127.0.0.1/32"]\nports = [80, 443, {port}]\n')
    server = Server(folder, "--config", str(config))
    yield server.start()
    assert server.stop() == 0


@pytest.fixture
def client(fetching):
    """vt-py with the operator's key."""
    with fetching.client() as client:
        yield client


def completed(client: vt.Client, analysis: vt.Object, within: float = 60) -> vt.Object:
    """Polls as vt-py does, but every tenth of a second instead of every 20 s."""
    deadline = time.monotonic() + within
    while (analysis := client.get_object("/analyses/{}", analysis.id)).status != "completed":
        assert time.monotonic() < deadline, f"{analysis.id} is {analysis.status} after {within} s"
        time.sleep(0.1)
    return analysis


def test_a_url_is_scanned_and_its_report_read(client, site):
    analysis = completed(client, client.scan_url(f"{site}/old"))
    assert analysis.id.startswith("u-") and set(analysis.stats) == STATS
    report = client.get_object("/urls/{}", vt.url_id(f"{site}/old"))
    assert (report.type, report.url, report.title) == ("url", f"{site}/old", "A shop")
    assert report.last_final_url == f"{site}/new"
    assert report.last_http_response_code == 200
    assert set(report.last_analysis_stats) == STATS
    assert report.id == analysis.id.split("-")[1]
    padded = base64.b64encode(f"{site}/old".encode()).decode()
    assert client.get_object(f"/urls/{padded}").id == report.id
    file = client.get_object("/files/{}", report.last_http_response_content_sha256)
    assert file.size == len(PAGE)


def test_waiting_for_a_url_is_vt_pys_own(client, site):
    analysis = client.scan_url(f"{site}/waited", wait_for_completion=True)
    assert analysis.status == "completed"


def test_relationships_are_walked_with_iterators(client, site):
    for number in range(25):
        completed(client, client.scan_url(f"{site}/many/{number}"))
    address = "127.0.0.1"
    urls = list(client.iterator(f"/ip_addresses/{address}/urls", batch_size=10))
    assert len(urls) >= 25 and all(url.context_attributes["url"].startswith(site) for url in urls)
    files = list(client.iterator(f"/ip_addresses/{address}/downloaded_files", limit=5))
    assert [file.size for file in files] == [len(PAGE)]
    one = client.get_object(f"/urls/{vt.url_id(site + '/many/1')}", params={"relationships": "network_location,votes"})
    assert one.relationships["network_location"]["data"]["id"] == address
    assert one.relationships["votes"]["data"] == []


def test_metadata_names_the_relationships_of_every_kind(client):
    relationships = client.get_data("/metadata")["relationships"]
    names = {kind: {row["name"] for row in rows} for kind, rows in relationships.items()}
    assert {"redirects_to", "network_location", "downloaded_files"} <= names["url"]
    assert {"resolutions", "subdomains", "siblings", "mx_records"} <= names["domain"]
    assert {"resolutions", "historical_ssl_certificates"} <= names["ip_address"]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "http://[fe80::1%25eth0]/", "http://a b/"])
def test_what_is_no_url_is_a_clear_error(client, url):
    with pytest.raises(vt.APIError) as refused:
        client.scan_url(url)
    assert refused.value.code == "InvalidArgumentError" and refused.value.message


@pytest.mark.parametrize(
    "host", ["127.0.0.2", "0x7f.0.0.2", "[::1]", "169.254.169.254", "10.0.0.1", "192.168.0.1"]
)
def test_inner_addresses_are_not_fetched(client, site, host):
    port = site.rsplit(":", 1)[1]
    url = f"http://{host}:{port}/"
    completed(client, client.scan_url(url))
    report = client.get_object("/urls/{}", vt.url_id(url))
    assert not report.has_content and report.get("last_http_response_code") is None
    assert "address" in report.last_fetch_outcome or "metadata" in report.last_fetch_outcome


def test_nothing_is_fetched_unless_the_operator_says_so(server, operator, site):
    with vt.Client(operator, host=server.url) as client:
        completed(client, client.scan_url(f"{site}/quiet"))
        report = client.get_object("/urls/{}", vt.url_id(f"{site}/quiet"))
        assert not report.has_content and report.get("title") is None


def test_the_command_line_scans_and_shows(fetching, site):
    said = {"ASSAY_SERVER": fetching.url, "ASSAY_API_KEY_FILE": str(fetching.key_file)}
    shown = run("url", f"{site}/cli", "--scan", "--format", "json", **said)
    assert shown.returncode == 0, shown.stderr.decode()
    (report,) = json.loads(shown.stdout)
    assert report["attributes"]["title"] == "A shop"
    table = run("url", f"{site}/cli", **said)
    assert b"A shop" in table.stdout
    related = run("ip", "127.0.0.1", "--related", "urls", "--format", "json", **said)
    assert related.returncode == 0 and json.loads(related.stdout)[0]
    unknown = run("domain", "never.example", **said)
    assert unknown.returncode == 2 and b"--scan" in unknown.stderr
    assert run("domain", "new.example", "--scan", **said).returncode == 0
