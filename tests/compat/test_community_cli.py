"""`assay comment`, `vote`, `collection` and `graph`, against the data folder of a server that runs."""

import json

import pytest

from assay import run
from samples import sha256, unique


@pytest.fixture
def assay(server):
    """Runs a command over the server's data folder; what it answers to programs."""

    def command(*arguments):
        done = run(*arguments, "--data", server.data, "--format", "json")
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    return command


def test_a_collection_is_made_filled_listed_and_deleted(server, assay):
    made = assay("collection", "create", "By hand", "--item", "192.0.2.9", "--item", "https://by-hand.example.com/x", "--tag", "cli")
    assert (made["ip_addresses_count"], made["urls_count"], made["tags"]) == (1, 1, ["cli"])
    assay("collection", "add", made["id"], "by-hand.example.com", "192.0.2.9")
    assay("collection", "remove", made["id"], "192.0.2.9")
    listed = assay("collection", "list", "--filter", "tag:cli", "--order", "name+")
    assert [(one["id"], one["domains_count"], one["ip_addresses_count"]) for one in listed] == [(made["id"], 1, 0)]
    urls = assay("collection", "items", made["id"], "urls")
    assert [one["url"] for one in urls] == ["https://by-hand.example.com/x"]
    refused = run("collection", "delete", made["id"], "--data", server.data)
    assert refused.returncode == 2 and b"--yes" in refused.stderr
    assay("collection", "delete", made["id"], "--yes")
    assert assay("collection", "list", "--filter", "tag:cli") == []


def test_the_items_of_a_collection_are_searched(server, assay):
    content = unique()
    server.scan(content, "searched-for.bin")
    made = assay("collection", "create", "Searched", "--item", sha256(content), "--item", "203.0.113.77")
    found = assay("collection", "search", made["id"], "name:searched-for.bin")
    assert [one["id"] for one in found] == [sha256(content)]
    assert assay("collection", "search", made["id"], "positives:1+") == []
    refused = run("collection", "search", made["id"], "behaviour:x", "--data", server.data)
    assert refused.returncode == 2 and b"Intelligence search" in refused.stderr


def test_a_file_is_talked_about_and_voted_on(server, assay):
    content = unique()
    server.scan(content, "talked-about.bin")
    said = assay("comment", "add", sha256(content), "look at this #from-cli")
    assert said["tags"] == ["from-cli"]
    assert [one["id"] for one in assay("comment", "list", sha256(content))] == [said["id"]]
    assert [one["id"] for one in assay("comment", "list", "--tag", "#from-cli")] == [said["id"]]
    assert assay("comment", "vote", said["id"], "positive")["positive"] == 1
    assay("comment", "remove", said["id"])
    assay("vote", "malicious", sha256(content))
    again = run("vote", "harmless", sha256(content), "--data", server.data)
    assert again.returncode == 2 and b"already voted" in again.stderr
    assert [one["verdict"] for one in assay("vote", "list", sha256(content))] == ["malicious"]


def test_a_graph_is_kept_and_shared(server, assay, tmp_path):
    server.account("cli-viewer", "premium")
    drawing = tmp_path / "drawing.json"
    drawing.write_text(json.dumps({"graph_data": {"description": "By hand"}, "private": True, "nodes": [], "links": []}))
    made = assay("graph", "create", drawing)
    assay("graph", "share", made["id"], "cli-viewer")
    assert [one["id"] for one in assay("graph", "shares", made["id"])] == ["cli-viewer"]
    assay("graph", "unshare", made["id"], "cli-viewer")
    assert assay("graph", "shares", made["id"]) == []
    assay("graph", "delete", made["id"], "--yes")


def test_what_names_nothing_is_refused(server):
    for arguments in [("comment", "add", "nonsense", "x"), ("vote", "malicious", "nonsense"), ("collection", "show", "0" * 64)]:
        done = run(*arguments, "--data", server.data)
        assert done.returncode == 2 and not done.stdout and done.stderr, arguments
