"""`assay key find`: keys in files, whatever the files are like, and whether they still open anything."""

import base64
import json
import os
import resource
import secrets
import subprocess

import pytest

from assay import binary, environment, free_port, run

NONE, FOUND, FAILED = 0, 1, 2


@pytest.fixture
def key(server) -> str:
    """A key of ours."""
    return server.operator_key


def find(*arguments, stdin: bytes = b"", **more: str) -> tuple[int, list[dict], str]:
    """Exit status, places, and what was said besides."""
    done = run("key", "find", *arguments, "--format", "json", stdin=stdin, **more)
    return done.returncode, json.loads(done.stdout) if done.stdout else [], done.stderr.decode()


def foreign() -> str:
    """Digits in the shape of a key."""
    return secrets.token_hex(32)


def test_nothing_found_is_status_0_and_silence(tmp_path):
    (tmp_path / "a").write_text("nothing here\n")
    done = run("key", "find", tmp_path)
    assert (done.returncode, done.stdout) == (NONE, b"")
    assert b"no key in 1 file" in done.stderr


def test_a_place_is_a_line_that_editors_understand_and_no_key_is_printed_whole(tmp_path, key):
    other = foreign()
    (tmp_path / "env").write_text(f"# VirusTotal\n\nVT_API_KEY={other}\nASSAY={key}\n")
    done = run("key", "find", tmp_path)
    assert done.returncode == FOUND
    first, second = done.stdout.decode().splitlines()
    assert first == f"{tmp_path}/env:3:12: possible key {other[:4]}…"
    assert second == f"{tmp_path}/env:4:7: Assay key {key[4:16]}"
    for text in (done.stdout, done.stderr, *(json.dumps(find(tmp_path)).encode(),)):
        assert key[16:56].encode() not in text and other[8:].encode() not in text


def test_ignored_hidden_and_nested_files_are_looked_through_and_links_are_not_followed(tmp_path, key):
    (tmp_path / "tree" / ".git").mkdir(parents=True)
    (tmp_path / "tree" / ".gitignore").write_text(".env\n")
    (tmp_path / "tree" / ".env").write_text(key)
    (tmp_path / "tree" / ".git" / "config").write_text(f"url = https://u:{key}@host\n")
    (tmp_path / "outside").write_text(key)
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "tree" / "loop").symlink_to(tmp_path / "tree")
    os.mkfifo(tmp_path / "tree" / "pipe")
    status, found, _ = find(tmp_path / "tree")
    assert status == FOUND
    assert [hit["path"].removeprefix(f"{tmp_path}/tree/") for hit in found] == [".env", ".git/config"]


def test_every_sha256_is_told_only_when_it_is_asked_for(tmp_path):
    (tmp_path / "hashes").write_text("".join(f"{foreign()}  file-{number}\n" for number in range(50)))
    assert find(tmp_path)[0] == NONE
    assert len(find(tmp_path, "--all")[1]) == 50


def test_reports_of_virustotal_are_full_of_hashes_and_none_is_a_key(tmp_path):
    (tmp_path / "iocs.md").write_text(f"https://www.virustotal.com/gui/file/{foreign()}/detection\nvirustotal sha256: {foreign()}\n")
    assert find(tmp_path)[0] == NONE


def test_keys_in_base64_in_utf_16_and_in_binary_files_are_found(tmp_path, key):
    other = foreign()
    secret = base64.b64encode(other.encode()).decode()
    (tmp_path / "a.yaml").write_text(f"kind: Secret\ndata:\n  vt-api-key: {secret}\n")
    (tmp_path / "b.docker").write_bytes(base64.b64encode(f"user:{key}".encode()))
    (tmp_path / "c.reg").write_bytes(f'"ApiKey"="{key}"'.encode("utf-16"))
    (tmp_path / "d.bin").write_bytes(bytes(range(256)) * 40 + key.encode() + bytes(300))
    _, found, _ = find(tmp_path)
    assert [(hit["path"][-1], hit["kind"], hit["writing"]) for hit in found] == [
        ("l", "possible", "base64"), ("r", "assay", "base64"), ("g", "assay", "utf-16"), ("n", "assay", "plain"),
    ]


def test_standard_input_is_looked_through(key):
    status, found, _ = find("-", stdin=b"\xff\xfe invalid \x80\n" + key.encode())
    assert status == FOUND and (found[0]["path"], found[0]["line"], found[0]["column"]) == ("-", 2, 1)


def test_what_cannot_be_read_is_an_error_and_the_rest_is_looked_through(tmp_path, key):
    (tmp_path / "a").write_text(key)
    status, found, said = find(tmp_path / "gone", tmp_path)
    assert status == FAILED and len(found) == 1 and "gone" in said


def test_larger_files_are_passed_over_and_told(tmp_path, key):
    (tmp_path / "large").write_text(" " * 5000 + key)
    status, found, said = find(tmp_path, "--max-size", "4 KiB")
    assert (status, found) == (NONE, []) and "--max-size" in said
    assert find(tmp_path)[0] == FOUND


@pytest.mark.parametrize("ends, megabytes", [(b"", 200), (b"\n", 40)])
def test_200_megabytes_in_one_line_or_in_many_need_little_memory(tmp_path, key, ends, megabytes):
    """The whole address space is limited to less than the file and what a process needs to start."""
    path = tmp_path / "large"
    block = (b"deadbeef" * 15 + b" vt " + b"x" * 900 + ends) * 1024
    with path.open("wb") as file:
        for _ in range((megabytes << 20) // len(block)):
            file.write(block)
        file.write(b" " + key.encode())

    def limit():
        resource.setrlimit(resource.RLIMIT_DATA, (160 << 20, 160 << 20))

    command = [str(binary()), "key", "find", str(path), "--format", "json"]
    done = subprocess.run(command, capture_output=True, timeout=120, env=environment(), preexec_fn=limit, check=False)
    assert done.returncode == FOUND, done.stderr.decode()
    (hit,) = json.loads(done.stdout)
    assert hit["key_id"] == key[4:16]


def test_a_file_of_hits_alone_ends_at_a_limit_that_is_told(tmp_path):
    (tmp_path / "hashes").write_text("\n".join(foreign() for _ in range(12_000)))
    _, found, said = find(tmp_path, "--all")
    assert len(found) == 10_000 and "10000" in said


# --check

def test_check_tells_which_keys_are_live(server, tmp_path):
    live, dead = server.account("found-by-check", "premium"), server.new_key("found-by-check")
    revoked = run("key", "revoke", dead[4:16], "--data", server.data)
    assert revoked.returncode == 0, revoked.stderr.decode()
    (tmp_path / "keys").write_text(f"{live}\n{dead}\nvt={foreign()}\n{live}\n")
    _, found, _ = find(tmp_path, "--check", ASSAY_SERVER=server.url)
    assert [hit["live"] for hit in found] == [True, False, False, True]
    assert found[0]["account"] == "found-by-check" and "revoked" in found[1]["said"]
    shown = run("key", "find", tmp_path, "--check", "--server", server.url)
    assert b"live: account found-by-check" in shown.stdout and live[16:56].encode() not in shown.stdout + shown.stderr


def test_report_tells_the_owner_of_a_live_key_where_it_lies(server, tmp_path):
    live, dead = server.account("found-by-report", "premium"), server.new_key("found-by-report")
    assert run("key", "revoke", dead[4:16], "--data", server.data).returncode == 0
    (tmp_path / "keys").write_text(f"\n{live}\n{dead}\nvt={foreign()}\n")
    _, found, said = find(tmp_path, "--report", ASSAY_SERVER=server.url)
    assert [hit["live"] for hit in found] == [True, False, False], said
    entries = server.get("/activity_log_entries?filter=action:EXPOSE_KEY").json()["data"]
    told = [(one["attributes"]["target"], one["attributes"]["after"]) for one in entries]
    assert (f"api_key/{live[4:16]}", {"where": f"{tmp_path}/keys:2"}) in told
    assert not any(dead[4:16] in target for target, _ in told)


def test_check_without_a_server_says_what_is_missing(tmp_path, key):
    (tmp_path / "a").write_text(key)
    nowhere = run("key", "find", tmp_path, "--check")
    assert nowhere.returncode == FAILED and b"ASSAY_SERVER" in nowhere.stderr
    nobody = run("key", "find", tmp_path, "--check", ASSAY_SERVER=f"http://127.0.0.1:{free_port()}")
    assert nobody.returncode == FAILED and b"connection refused" in nobody.stderr


def test_keys_are_not_shown_to_another_machine_in_the_clear(tmp_path, key):
    (tmp_path / "a").write_text(key)
    refused = run("key", "find", tmp_path, "--check", ASSAY_SERVER="http://assay.invalid")
    assert refused.returncode == FAILED and b"https://assay.invalid" in refused.stderr
