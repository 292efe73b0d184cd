"""Feeds through a broker, with vt-py as it comes: off until the operator switches them on, streamed, never half a batch."""

import bz2
import datetime
import json

import pytest
import requests
import vt

import original
from assay import Server
from original import KEY, Faulty, add, files_that_hold

MIB = 1 << 20


def minutes_ago(minutes: int) -> str:
    """The name of a batch."""
    return (datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=minutes)).strftime("%Y%m%d%H%M")


def batch(exchange):
    """Two files in each minute, named by it."""
    time = exchange.path.rsplit("/", 1)[1]
    lines = [json.dumps(original.file_report(f"{time}{number}".ljust(64, "0"))["data"]) for number in range(2)]
    exchange.send(200, bz2.compress("\n".join(lines).encode()), {"Content-Type": "application/octet-stream"})


@pytest.fixture
def faulty():
    """Upstream, with a feed."""
    server = Faulty()
    server.fault = batch
    yield server
    server.stop()


def start(folder, faulty, config: str) -> tuple[Server, str]:
    """A broker, and a key of an account that may read the feed of files."""
    path = folder / "assay.toml"
    path.write_text(f"[upstream]\npatience = \"2s\"\n{config}")
    broker = Server(folder, "--config", str(path)).start()
    add(broker, faulty.url, KEY)
    limits = {"minute": 1_000, "day": 10_000, "month": 100_000}
    tier = {"type": "tier", "id": "reader", "attributes": {"limits": limits, "privileges": ["file-feed"], "class": "bulk"}}
    assert broker.post("/tiers", json={"data": tier}).status_code == 200
    return broker, broker.account("siem", "reader")


@pytest.fixture
def reading(tmp_path, faulty):
    """A broker that may read feeds."""
    broker, key = start(tmp_path, faulty, "feeds = true\n")
    yield broker, key
    assert files_that_hold(broker.folder, KEY) == []
    broker.kill9()


def test_vt_py_reads_a_feed_minute_by_minute(reading, faulty):
    broker, key = reading
    first = minutes_ago(90)
    with vt.Client(key, host=broker.url) as client:
        found = []
        for file in client.feed(vt.FeedType.FILES, cursor=f"{first}-0"):
            found.append(file.id)
            if len(found) == 4:
                break
    assert found[0].startswith(first) and len({name[:12] for name in found}) == 2, found
    asked = [path for path, _ in faulty.asked]
    assert asked[0] == f"/api/v3/feeds/files/{first}" and len(asked) == 2
    # An account without the privilege is refused here, and a minute that is not due is not asked for.
    person = broker.account("person", "public")
    assert broker.get(f"/feeds/files/{first}", person).status_code == 403
    early = broker.get(f"/feeds/files/{minutes_ago(5)}", key)
    assert (early.status_code, early.json()["error"]["code"]) == (400, "NotAvailableYet")
    assert len(faulty.asked) == 2


def test_feeds_are_off_until_they_are_switched_on(tmp_path, faulty):
    broker, key = start(tmp_path, faulty, "")
    try:
        refused = broker.get(f"/feeds/files/{minutes_ago(90)}", key)
        assert refused.status_code == 404 and "upstream.feeds" in refused.json()["error"]["message"]
        assert faulty.asked == []
    finally:
        broker.kill9()


def test_a_batch_that_breaks_off_is_never_taken_for_a_whole_one(reading, faulty):
    broker, key = reading

    def truncated(exchange):
        exchange.send(200, b"BZh9" + b"x" * MIB, {"Content-Type": "application/octet-stream"}, length=4 * MIB)
        exchange.reset()

    def without_a_length(exchange):
        exchange.send_response_only(200)
        exchange.send_header("Transfer-Encoding", "chunked")
        exchange.end_headers()
        exchange.wfile.write(b"100004\r\n" + b"BZh9" + b"x" * MIB + b"\r\n")
        exchange.reset()

    def stalled(exchange):
        exchange.send(200, b"BZh9" + b"x" * MIB, {"Content-Type": "application/octet-stream"}, length=4 * MIB)
        original.slow(4)(exchange)

    for fault in (truncated, without_a_length, stalled):
        faulty.fault = fault
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            broker.get(f"/feeds/files/{minutes_ago(90)}", key)
    for fault, status in [(original.html, 424), (original.html_404, 424), (original.slow(30), 504), (original.status(503), 503)]:
        faulty.fault = fault
        assert broker.get(f"/feeds/files/{minutes_ago(91)}", key).status_code == status, fault
    assert broker.alive()


def test_a_batch_leads_only_where_the_policy_says(reading, faulty):
    broker, key = reading
    elsewhere = Faulty()
    elsewhere.fault = batch
    try:
        faulty.fault = original.redirect_elsewhere(elsewhere.url)
        assert broker.get(f"/feeds/files/{minutes_ago(90)}", key).status_code == 424
        assert elsewhere.asked == []
        # On its own host another path is fetched, without the key.
        faulty.fault = lambda exchange: batch(exchange) if "moved" in exchange.path else exchange.send(
            302, b"", {"Location": f"/moved/{minutes_ago(90)}"})
        assert bz2.decompress(broker.get(f"/feeds/files/{minutes_ago(90)}", key).content).count(b"\n") == 1
        path, headers = faulty.asked[-1]
        assert path.startswith("/moved/") and "x-apikey" not in {name.lower() for name in headers}
    finally:
        elsewhere.stop()


def test_a_large_batch_passes_through_without_being_held(reading, faulty):
    broker, key = reading

    def large(exchange):
        exchange.send_response_only(200)
        exchange.send_header("Content-Length", str(256 * MIB))
        exchange.end_headers()
        exchange.wfile.write(b"BZh9" + bytes(MIB - 4))
        for _ in range(255):
            exchange.wfile.write(bytes(MIB))

    faulty.fault = large
    with broker.memory_grows_less_than(32 * MIB):
        answer = broker.get(f"/feeds/files/{minutes_ago(90)}", key, stream=True)
        assert answer.headers["content-length"] == str(256 * MIB) and "content-encoding" not in answer.headers
        assert sum(len(piece) for piece in answer.iter_content(MIB)) == 256 * MIB
