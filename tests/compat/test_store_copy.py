"""`assay store copy`: an installation moves into PostgreSQL and back, and nothing of it is lost."""

import json
import shutil
import signal
import subprocess
import time

import pytest

from assay import Server, binary, environment, run
from samples import unique_malware


@pytest.fixture
def moving(own_server):
    """A server with an account, a key, a file and a count, which was stopped. The key, and what it saw."""
    own_server.start()
    report = own_server.scan(unique_malware())
    key = own_server.account("mover", "public")
    assert own_server.get(f"/files/{report['id']}", key).status_code == 200
    assert own_server.stop() == 0
    return own_server, key, report


def started_on(server: Server, folder, store: str) -> Server:
    """A server on a store, with pepper and samples of another."""
    folder.mkdir()
    (folder / "data").mkdir()
    shutil.copy(server.data / "pepper", folder / "data" / "pepper")
    config = folder / "assay.toml"
    config.write_text(f'store = "{store}"\nblobs = "{server.data / "blobs"}"\n')
    node = Server(folder, "--config", str(config))
    node.key_file.write_text(server.operator_key)
    return node.start()


def whole(node: Server, key: str, report: dict):
    """Whether account, key, file, count and log came along."""
    assert node.get(f"/files/{report['id']}", key).json()["data"]["attributes"]["sha256"] == report["id"]
    assert node.get(f"/files/{report['id']}/download").status_code == 200
    used = node.get(f"/users/{key}/overall_quotas", key).json()["data"]["api_requests_daily"]["user"]["used"]
    assert used == 2, "one before the move, one after it"
    asked = run("audit", "verify", "--format", "json", ASSAY_SERVER=node.url, ASSAY_API_KEY=node.operator_key)
    assert asked.returncode == 0 and json.loads(asked.stdout)["entries"] >= 2


def test_an_installation_moves_into_postgresql_and_back(moving, databases, tmp_path):
    server, key, report = moving
    store = databases()
    moved = run("store", "copy", server.data, store, "--format", "json")
    assert moved.returncode == 0, moved.stderr.decode()
    rows = json.loads(moved.stdout)
    assert rows["rows"]["records"] > 5 and rows["resumed"] is False
    node = started_on(server, tmp_path / "node", store)
    try:
        whole(node, key, report)
    finally:
        assert node.stop() == 0
    back = run("store", "copy", store, tmp_path / "back")
    assert back.returncode == 0 and b"rows copied and compared" in back.stdout, back.stderr.decode()
    shutil.copy(server.data / "pepper", tmp_path / "back" / "pepper")
    listed = run("user", "list", "--data", tmp_path / "back", "--format", "json")
    assert {"operator", "mover"} <= {user["id"] for user in json.loads(listed.stdout)}
    assert run("audit", "verify", "--data", tmp_path / "back").returncode == 0


def test_a_copy_that_was_killed_goes_on_and_no_server_starts_on_half_of_one(moving, databases, tmp_path):
    server, key, report = moving
    store = databases()
    command = [str(binary()), "store", "copy", str(server.data), store]
    for patience in (0.05, 0.1, 0.15):
        killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
        time.sleep(patience)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    done = run(*command[1:])
    assert done.returncode == 0 or b"not empty" in done.stderr, done.stderr.decode()
    node = started_on(server, tmp_path / "node", store)
    try:
        whole(node, key, report)
    finally:
        node.stop()


def test_what_must_not_be_copied_is_refused_with_the_mend(moving, databases, tmp_path):
    server, _, _ = moving
    store = databases()
    assert run("store", "copy", server.data, store).returncode == 0
    again = run("store", "copy", server.data, store)
    assert again.returncode == 2 and b"createdb" in again.stderr
    nothing = run("store", "copy", tmp_path / "nothing", store)
    assert nothing.returncode == 2 and b"no data folder" in nothing.stderr
    same = run("store", "copy", server.data, server.data)
    assert same.returncode == 2 and b"the same" in same.stderr
    other = run("store", "copy", server.data, "mysql://host/assay")
    assert other.returncode == 2 and b"postgres://" in other.stderr
    server.start()
    running = run("store", "copy", server.data, databases())
    assert running.returncode == 2 and b"another server" in running.stderr


@pytest.mark.parametrize("url", ["postgres://assay:s3cret@db.invalid/assay", "postgres://assay@db.invalid/assay?password=s3cret"])
def test_a_password_on_the_command_line_is_refused_and_not_repeated(moving, url):
    server, _, _ = moving
    refused = run("store", "copy", server.data, url)
    assert refused.returncode == 2 and b"--password-file" in refused.stderr
    assert b"s3cret" not in refused.stderr + refused.stdout


def test_a_database_that_cannot_be_reached_is_told_without_the_password(moving, tmp_path):
    server, _, _ = moving
    (tmp_path / "password").write_text("s3cret\n")
    target = "postgres://assay@127.0.0.1:1/assay"
    refused = run("store", "copy", server.data, target, "--password-file", tmp_path / "password", timeout=60)
    assert refused.returncode == 2 and refused.stderr and b"s3cret" not in refused.stderr
    gone = run("store", "copy", server.data, target, "--password-file", tmp_path / "gone")
    assert gone.returncode == 2 and b"gone" in gone.stderr
