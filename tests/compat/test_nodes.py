"""Several nodes, one truth: two servers on one PostgreSQL from the machine's packages."""

import concurrent.futures
import shutil
import time

import pytest
import requests

from assay import ROOT, Server, run
from samples import unique_malware

WITHIN = 1.0


class Nodes:
    """Two servers on one database, with one pepper and one folder of samples."""

    def __init__(self, folder, url: str):
        self.first = self.node(folder / "first", url)
        self.first.start()
        (folder / "second" / "data").mkdir(parents=True)
        shutil.copy(folder / "first" / "data" / "pepper", folder / "second" / "data" / "pepper")
        self.second = self.node(folder / "second", url)
        self.second.start()

    @staticmethod
    def node(folder, url: str) -> Server:
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "assay.toml"
        config.write_text(f'store = "{url}"\nblobs = "{folder.parent / "blobs"}"\n')
        return Server(folder, "--config", str(config))

    def stop(self):
        for node in (self.first, self.second):
            if node.process is not None:
                node.kill9()


@pytest.fixture
def nodes(tmp_path, databases):
    nodes = Nodes(tmp_path, databases())
    yield nodes
    nodes.stop()


def make(nodes: Nodes, name: str, **attributes) -> tuple[str, str]:
    """An account and a key of it, made on the first node: the key and its id."""
    body = {"data": {"type": "user", "id": name, "attributes": attributes}}
    assert nodes.first.post("/users", json=body).status_code == 200
    made = nodes.first.post(f"/users/{name}/api_keys", json={"data": {"type": "api_key"}})
    assert made.status_code == 200, made.text
    return made.json()["data"]["attributes"]["key"], made.json()["data"]["id"]


def until(wanted, within: float = WITHIN) -> float:
    """How long it takes until something holds."""
    began = time.monotonic()
    while not wanted():
        assert time.monotonic() - began < within, f"does not hold after {within} s"
        time.sleep(0.005)
    return time.monotonic() - began


def test_only_one_node_makes_the_operator(nodes):
    assert nodes.first.key_file.exists() and not nodes.second.key_file.exists()


def test_what_one_node_does_holds_on_the_other_within_a_second(nodes):
    key, key_id = make(nodes, "siem", tier="public")
    until(lambda: nodes.second.get("/metadata", key).status_code == 200)
    operator = nodes.first.operator_key
    download = "/files/" + "0" * 64 + "/download"
    assert nodes.second.get(download, key).status_code == 403
    body = {"data": {"type": "user", "attributes": {"tier": "premium"}}}
    assert nodes.first.request("PATCH", "/users/siem", operator, json=body).status_code == 200
    until(lambda: nodes.second.get(download, key).status_code == 404)
    rotated = nodes.second.post(f"/api_keys/{key_id}/rotate", key, json={"data": {"attributes": {"overlap": 3600}}})
    successor = rotated.json()["data"]["attributes"]["key"]
    until(lambda: nodes.first.get("/metadata", successor).status_code == 200)
    until(lambda: "Sunset" in nodes.first.get("/metadata", key).headers)


def test_a_revoked_key_is_refused_on_the_other_node_within_a_second(nodes):
    waits = []
    for number in range(20):
        key, key_id = make(nodes, f"revoked-{number}", tier="operator")
        until(lambda key=key: nodes.second.get("/metadata", key).status_code == 200)
        assert nodes.first.post(f"/api_keys/{key_id}/revoke", nodes.first.operator_key).status_code == 200
        waits.append(until(lambda key=key: nodes.second.get("/metadata", key).status_code == 401))
    print(f"slowest of {len(waits)}: {max(waits) * 1000:.0f} ms")


def drain(nodes: list[Server], key: str, path: str, clients: int = 64) -> int:
    """Calls until nothing is granted any more; answers how many were."""

    def client(number: int) -> int:
        node, session, granted = nodes[number % len(nodes)], requests.Session(), 0
        session.trust_env = False
        refused = 0
        while refused < 3:
            status = session.get(f"{node.url}/api/v3{path}", headers={"x-apikey": key}, timeout=60).status_code
            assert status in (200, 429), status
            granted += status == 200
            refused = refused + 1 if status == 429 else 0
        return granted

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(client, range(clients)))


def limited(nodes: Nodes, day: int, minute: int = 1_000_000):
    """A tier with that many requests a day, for a group with one account; answers a key of it."""
    limits = {"minute": minute, "day": day, "month": 1_000_000}
    body = {"data": {"type": "tier", "id": f"day-{day}", "attributes": {"limits": limits, "privileges": ["private"]}}}
    assert nodes.first.post("/tiers", json=body).status_code == 200
    body = {"data": {"type": "group", "id": f"group-{day}", "attributes": {"tier": f"day-{day}"}}}
    assert nodes.first.post("/groups", json=body).status_code == 200
    return make(nodes, f"drainer-{day}", group=f"group-{day}")[0]


def test_the_quota_is_one_pool_over_both_nodes(nodes):
    report = nodes.first.scan(unique_malware(), "shared.zip")
    for day in (1, 37, 500):
        key = limited(nodes, day)
        until(lambda key=key: nodes.second.get("/metadata", key).status_code == 200)
        granted = drain([nodes.first, nodes.second], key, f"/files/{report['id']}")
        assert granted == day


def test_a_minute_is_one_minute_over_both_nodes(nodes):
    report = nodes.first.scan(unique_malware(), "shared.zip")
    key = limited(nodes, 900_000, minute=40)
    until(lambda: nodes.second.get("/metadata", key).status_code == 200)
    began = time.monotonic()
    granted = drain([nodes.first, nodes.second], key, f"/files/{report['id']}", clients=16)
    opened = (time.monotonic() - began) / 60 * 40
    assert 40 <= granted <= 41 + opened


def test_a_node_that_dies_loses_no_grant_and_returns_what_it_had_leased(nodes):
    report = nodes.first.scan(unique_malware(), "shared.zip")
    key = limited(nodes, 40_000)
    until(lambda: nodes.second.get("/metadata", key).status_code == 200)
    path = f"/files/{report['id']}"
    granted = sum(nodes.second.get(path, key).status_code == 200 for _ in range(25))
    assert granted == 25
    nodes.second.kill9()

    def used() -> int:
        quotas = nodes.first.get("/users/drainer-40000/overall_quotas", key).json()["data"]
        return quotas["api_requests_daily"]["group"]["used"]

    leased = used()
    assert leased >= 25, "no grant is lost"
    until(lambda: used() < leased, within=15)
    assert 25 <= used() < leased, "what cannot have been spent comes back"


def test_samples_are_scanned_by_whichever_node_is_there(nodes):
    analysis = nodes.first.upload(unique_malware(), "left-behind.zip")
    nodes.first.kill9()
    nodes.second.key_file.write_text(nodes.first.key_file.read_text())
    document = nodes.second.analysis(analysis)
    assert document["data"]["attributes"]["stats"]["malicious"] >= 1


def test_a_password_in_the_url_on_the_command_line_is_refused(tmp_path):
    done = run("serve", "--data", tmp_path / "data", "--store", "postgres://assay:secret@127.0.0.1/assay")
    assert done.returncode == 2
    assert b"ASSAY_STORE_PASSWORD" in done.stderr and b"secret" not in done.stderr


def test_a_node_with_another_pepper_is_refused(tmp_path, databases):
    url = databases()
    first = Nodes.node(tmp_path / "first", url)
    first.start()
    try:
        other = run("serve", "--data", tmp_path / "other", "--store", url, "--listen", "127.0.0.1:0", timeout=30)
        assert other.returncode == 2 and b"pepper" in other.stderr, other.stderr
    finally:
        first.kill9()
