"""kill -9, again and again, during uploads and analyses: what was acknowledged is there afterwards and gets completed."""

import hashlib
import random
import threading
import time

import pytest
import requests

from assay import Server
from samples import unique, unique_malware

KILLS = 52
UPLOADERS = 3
SEED = 20261123

pytestmark = [pytest.mark.kill, pytest.mark.timeout(900)]


class Uploader(threading.Thread):
    """Uploads without an end and remembers what the server has acknowledged."""

    def __init__(self, server: Server, number: int):
        super().__init__(daemon=True)
        self.server = server
        self.random = random.Random(SEED + number)
        self.key = server.operator_key
        self.acknowledged: list[tuple[str, str]] = []
        self.unexpected: list[str] = []
        self.over = threading.Event()
        self.session = requests.Session()
        self.session.trust_env = False

    def run(self):
        while not self.over.is_set():
            try:
                self._once()
                # Enough to be hit in the middle of something, little enough to check all of it afterwards.
                time.sleep(self.random.uniform(0, 0.1))
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                # The server was killed; what it did not acknowledge may be lost.
                self.session.close()
                time.sleep(0.02)

    def _once(self):
        kind = self.random.random()
        headers = {"x-apikey": self.key}
        base = f"{self.server.url}/api/v3"
        if kind < 0.15 and self.acknowledged:
            sha256, _ = self.random.choice(self.acknowledged)
            self._note(sha256, self.session.post(f"{base}/files/{sha256}/analyse", headers=headers, timeout=30))
            return
        content = unique("killed", self.random.choice([10, 5_000, 400_000])) if kind < 0.7 else unique_malware()
        address = f"{base}/files"
        if kind > 0.85:
            content = unique("large", 3 << 20)
            answer = self.session.get(f"{base}/files/upload_url", headers=headers, timeout=30)
            if answer.status_code != 200:
                self.unexpected.append(f"{answer.status_code} {answer.text}")
                return
            address = answer.json()["data"]
        answer = self.session.post(address, headers=headers, files={"file": ("a.bin", content)}, timeout=30)
        self._note(hashlib.sha256(content).hexdigest(), answer)

    def _note(self, sha256: str, answer: requests.Response):
        if answer.status_code == 200:
            self.acknowledged.append((sha256, answer.json()["data"]["id"]))
        else:
            self.unexpected.append(f"{answer.status_code} {answer.text}")


def missing(server: Server, acknowledged: list[tuple[str, str]]) -> list[str]:
    """Which of these the server does not have."""
    gone = []
    for sha256, analysis in acknowledged:
        for path in (f"/analyses/{analysis}", f"/files/{sha256}"):
            answer = server.get(path)
            # A file whose analysis has not come to its first stage yet may have no report, but its analysis knows it.
            if answer.status_code != 200 and not (path.startswith("/files") and _known_by_analysis(server, sha256, analysis)):
                gone.append(f"{path}: {answer.status_code} {answer.text}")
    return gone


def _known_by_analysis(server: Server, sha256: str, analysis: str) -> bool:
    answer = server.get(f"/analyses/{analysis}")
    return answer.status_code == 200 and answer.json()["data"]["attributes"]["status"] != "completed" \
        and answer.json()["meta"]["file_info"]["sha256"] == sha256


def test_nothing_acknowledged_is_lost_by_fifty_kills(tmp_path):
    server = Server(tmp_path)
    server.start()
    moments = random.Random(SEED)
    uploaders = [Uploader(server, number) for number in range(UPLOADERS)]
    checked = [0] * UPLOADERS
    for uploader in uploaders:
        uploader.start()
    try:
        for kill in range(KILLS):
            # Some kills right after the start, while it takes up the jobs that were left; most in full work.
            time.sleep(moments.choice([0.01, 0.2, 0.5, 0.8, 1.1]))
            server.kill9()
            server.start()
            for number, uploader in enumerate(uploaders):
                new = uploader.acknowledged[checked[number]:]
                checked[number] += len(new)
                lost = missing(server, new)
                assert not lost, f"lost after kill {kill + 1}: {lost}"
    finally:
        for uploader in uploaders:
            uploader.over.set()
        for uploader in uploaders:
            uploader.join(60)

    acknowledged = [pair for uploader in uploaders for pair in uploader.acknowledged]
    unexpected = [answer for uploader in uploaders for answer in uploader.unexpected]
    print(f"{KILLS} kills, {len(acknowledged)} uploads and analyses acknowledged")
    assert not unexpected, f"answers that were neither 200 nor a broken connection: {unexpected[:5]}"
    assert len(acknowledged) > 2 * KILLS, "too little was going on for this to show anything"

    # One more start: everything is there, and everything that was acknowledged comes to its end.
    server.restart()
    for sha256, analysis in acknowledged:
        document = server.analysis(analysis, within=120)
        assert document["meta"]["file_info"]["sha256"] == sha256
        assert sum(document["data"]["attributes"]["stats"].values()) > 0
        report = server.get(f"/files/{sha256}")
        assert report.status_code == 200 and report.json()["data"]["attributes"]["last_analysis_stats"]
    _whole_blobs(server, {sha256 for sha256, _ in acknowledged})
    assert server.stop() == 0
    assert not list((server.data / "blobs" / "incoming").iterdir()), "half-written files were not swept"


def _whole_blobs(server: Server, files: set[str]):
    """Every file in the blobs' folder is what its name says; every acknowledged one is among them."""
    found = set()
    for path in (server.data / "blobs").rglob("*"):
        if path.is_file() and path.parent.name != "incoming":
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
            found.add(path.name)
    assert files <= found
