"""The command line: exit statuses, JSON, and what it says when something is wrong."""

import json
import re
import stat
import time

import pytest

from assay import free_port, run
from samples import archive, eicar, sha256, unique, unique_malware

CLEAN, MALICIOUS, FAILED = 0, 1, 2


@pytest.fixture
def cli(server):
    """Runs a client command against the shared server."""

    def client(*arguments, stdin: bytes = b"", **more: str):
        said = {"ASSAY_SERVER": server.url, "ASSAY_API_KEY_FILE": str(server.key_file)} | more
        return run(*arguments, stdin=stdin, **said)

    return client


# scan, file, analysis

def test_scan_ends_with_what_it_found(cli, tmp_path):
    (tmp_path / "clean.txt").write_bytes(unique())
    (tmp_path / "malware.com").write_bytes(unique_malware())
    clean = cli("scan", tmp_path / "clean.txt")
    assert clean.returncode == CLEAN, clean.stderr.decode()
    assert "clean.txt" in clean.stdout.decode()
    malicious = cli("scan", tmp_path / "malware.com")
    assert malicious.returncode == MALICIOUS, malicious.stderr.decode()
    assert cli("scan", tmp_path / "clean.txt", tmp_path / "malware.com").returncode == MALICIOUS
    assert cli("scan", tmp_path / "not-there").returncode == FAILED


def test_scan_reads_folders_and_standard_input(cli, tmp_path):
    (tmp_path / "sub" / "folder").mkdir(parents=True)
    contents = [unique(), unique(), unique()]
    for number, content in enumerate(contents):
        (tmp_path / "sub" / "folder" / f"{number}.txt").write_bytes(content)
    found = cli("scan", tmp_path, "--format", "json")
    assert found.returncode == CLEAN, found.stderr.decode()
    json.loads(found.stdout)
    assert all(sha256(content) in found.stdout.decode() for content in contents)
    piped = cli("scan", "-", "--format", "json", stdin=unique_malware())
    assert piped.returncode == MALICIOUS, piped.stderr.decode()
    json.loads(piped.stdout)


def test_scan_of_many_files_with_one_that_cannot_be_read_still_scans_the_rest(cli, tmp_path):
    content = unique()
    (tmp_path / "a.txt").write_bytes(content)
    done = cli("scan", tmp_path / "not-there", tmp_path / "a.txt", "--format", "json")
    assert done.returncode == FAILED and b"not-there" in done.stdout + done.stderr
    assert sha256(content) in done.stdout.decode()


def test_scan_takes_urls_beside_files(cli, tmp_path):
    (tmp_path / "a.txt").write_bytes(unique())
    done = cli("scan", tmp_path / "a.txt", "http://files.example.com/invoice.pdf", "HTTPS://example.com", "--format", "json")
    assert done.returncode == CLEAN, done.stderr.decode()
    file, invoice, other = json.loads(done.stdout)
    assert (file["type"], invoice["type"], other["path"]) == ("file", "url", "HTTPS://example.com")
    assert invoice["status"] == "completed" and invoice["analysis_id"].startswith("u-")
    assert invoice["verdict"] == "undetected" and "/urls/" in invoice["links"]["item"]
    table = cli("scan", "http://files.example.com/invoice.pdf.exe", tmp_path / "a.txt")
    assert table.returncode == CLEAN and b"1 file and 1 URL: 1 suspicious, 1 undetected" in table.stdout, table.stdout.decode()
    wrong = cli("scan", "http://", tmp_path / "a.txt", "--format", "json")
    assert wrong.returncode == FAILED
    assert [one["status"] for one in json.loads(wrong.stdout)] == ["error", "completed"]


def test_a_suspicious_url_says_why_and_a_relationship_that_is_none_says_which_there_are(cli):
    shown = cli("url", "--scan", "http://files.example.com/contract.pdf.exe")
    assert shown.returncode == CLEAN and b"hides what runs behind what is read" in shown.stdout, shown.stdout.decode()
    wrong = cli("url", "http://files.example.com/contract.pdf.exe", "--related", "nonsense")
    assert wrong.returncode == FAILED
    assert b"nonsense" in wrong.stderr and b"referrer_files" in wrong.stderr, wrong.stderr.decode()


def test_a_file_over_32_mb_goes_by_the_upload_address(cli, tmp_path):
    (tmp_path / "large.bin").write_bytes(unique("large", 34 << 20))
    done = cli("scan", tmp_path / "large.bin")
    assert done.returncode == CLEAN, done.stderr.decode()


def test_file_and_analysis_show_what_is_known(cli, server, malware):
    assert cli("file", malware["id"]).returncode == MALICIOUS
    shown = cli("file", malware["attributes"]["md5"], "--format", "json")
    assert shown.returncode == MALICIOUS and malware["id"] in shown.stdout.decode()
    json.loads(shown.stdout)
    unknown = cli("file", "0" * 64)
    assert unknown.returncode == FAILED and b"not found" in unknown.stderr
    content = unique()
    analysis = server.upload(content)
    server.analysis(analysis)
    assert cli("file", sha256(content)).returncode == CLEAN
    done = cli("analysis", analysis, "--format", "json")
    assert done.returncode == CLEAN and "completed" in done.stdout.decode()
    assert cli("analysis", "nonsense").returncode == FAILED


def test_a_client_command_says_what_keeps_it_from_the_server(cli, malware, tmp_path):
    nobody = cli("file", malware["id"], ASSAY_SERVER=f"http://127.0.0.1:{free_port()}")
    assert nobody.returncode == FAILED and nobody.stderr
    (tmp_path / "wrong").write_text("0" * 64)
    wrong = cli("file", malware["id"], ASSAY_API_KEY_FILE=str(tmp_path / "wrong"))
    assert wrong.returncode == FAILED and b"key" in wrong.stderr.lower()
    missing = cli("file", malware["id"], ASSAY_API_KEY_FILE=str(tmp_path / "missing"))
    assert missing.returncode == FAILED and b"missing" in missing.stderr


def test_the_key_may_stand_in_the_environment_and_in_a_file_with_a_line_end(cli, malware, server, tmp_path):
    (tmp_path / "key").write_text(f"{server.operator_key}\n")
    assert cli("file", malware["id"], ASSAY_API_KEY_FILE=str(tmp_path / "key")).returncode == MALICIOUS
    said = {"ASSAY_SERVER": server.url, "ASSAY_API_KEY": server.operator_key}
    assert run("file", malware["id"], **said).returncode == MALICIOUS


# user, key

def test_a_key_is_shown_once_and_in_json(server):
    server.account("with-a-key", "public")
    made = run("key", "create", "--account", "with-a-key", "--data", server.data)
    assert made.returncode == 0
    assert len(re.findall(rb"\b[0-9a-f]{64}\b", made.stdout)) == 1


def test_what_cannot_be_made_is_refused_with_a_reason(server):
    server.account("made-once", "public")
    again = run("user", "create", "made-once", "--tier", "public", "--data", server.data)
    assert again.returncode != 0 and b"made-once" in again.stderr
    nobody = run("key", "create", "--account", "nobody-at-all", "--data", server.data)
    assert nobody.returncode != 0 and b"nobody-at-all" in nobody.stderr
    tier = run("user", "create", "another", "--tier", "platinum", "--data", server.data)
    assert tier.returncode != 0 and b"platinum" in tier.stderr


def test_accounts_join_a_group_when_they_are_made_and_later(server):
    def done(*words):
        made = run(*words, "--data", server.data)
        assert made.returncode == 0, made.stderr

    done("group", "create", "joined", "--tier", "premium")
    done("user", "create", "joins-at-once", "--group", "joined")
    done("user", "create", "joins-later")
    done("group", "add", "joined", "joins-later")
    members = run("group", "members", "joined", "--format", "json", "--data", server.data)
    assert {one["id"] for one in json.loads(members.stdout)} == {"joins-at-once", "joins-later"}


# serve

def test_the_first_start_makes_a_key_file_for_its_owner_only(own_server):
    own_server.start()
    assert stat.S_IMODE(own_server.key_file.stat().st_mode) == 0o600
    assert re.fullmatch(r"a55a[0-9a-f]{60}", own_server.operator_key)
    assert own_server.operator_key not in own_server.log_tail(1 << 20)
    assert own_server.stop() == 0


def test_a_key_file_that_exists_is_refused_and_kept(tmp_path):
    (tmp_path / "key").write_text("precious")
    listen = f"127.0.0.1:{free_port()}"
    refused = run("serve", "--data", tmp_path / "data", "--listen", listen, "--key-file", tmp_path / "key", timeout=20)
    assert refused.returncode != 0 and b"key" in refused.stderr
    assert (tmp_path / "key").read_text() == "precious"


def test_a_restart_keeps_files_accounts_and_spent_quota(own_server):
    own_server.start()
    report = own_server.scan(unique_malware())
    key = own_server.account("kept", "public")
    assert own_server.get(f"/files/{report['id']}", key).status_code == 200
    own_server.restart()
    assert own_server.get(f"/files/{report['id']}").json()["data"]["attributes"] == report["attributes"]
    quotas = own_server.get(f"/users/{key}/overall_quotas", key).json()["data"]
    assert quotas["api_requests_daily"]["user"]["used"] == 1


def test_a_stop_right_after_the_start_is_orderly(own_server):
    """From the first answer of /healthz on, SIGTERM is a request and not an accident."""
    for _ in range(10):
        own_server.start()
        assert own_server.stop() == 0


def test_a_request_that_runs_ends_before_the_server_does(own_server):
    """SIGTERM during an upload: the upload is answered, then the server ends with status 0."""
    own_server.start()
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + unique() + b"\r\n--b--\r\n"
    process = own_server.process

    def slowly():
        yield body[:40]
        time.sleep(0.3)
        process.terminate()
        time.sleep(0.3)
        yield body[40:]

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = own_server.post("/files", data=slowly(), headers=headers)
    assert answer.status_code == 200
    assert own_server.stop() == 0
    own_server.start()
    assert own_server.analysis(answer.json()["data"]["id"])["data"]["attributes"]["status"] == "completed"


@pytest.mark.parametrize("text, named", [
    ("listen_on = 5\n", "listen_on"),
    ("[pipeline]\nworkers = \"many\"\n", "workers"),
    ("[nonsense]\nkey = 1\n", "nonsense"),
    ("no toml at all [", "assay.toml"),
])
def test_a_mistake_in_the_configuration_is_named(tmp_path, text, named):
    config = tmp_path / "assay.toml"
    config.write_text(text)
    listen = f"127.0.0.1:{free_port()}"
    refused = run("serve", "--config", config, "--data", tmp_path / "data", "--listen", listen, timeout=20)
    assert refused.returncode != 0
    assert named in refused.stderr.decode()


def test_the_example_configuration_is_accepted(own_server):
    from assay import ROOT  # pylint: disable=import-outside-toplevel

    own_server.options = ("--config", str(ROOT / "config.example.toml"))
    own_server.start()
    assert own_server.alive()


# The rest

def test_help_and_version_are_there():
    for arguments in (["--help"], ["serve", "--help"], ["scan", "--help"], ["key", "create", "--help"], ["--version"]):
        done = run(*arguments)
        assert done.returncode == 0 and done.stdout
    assert run("no-such-command").returncode == FAILED


def test_the_demo_shows_itself_and_ends_well():
    """The README's first command, with nothing around it."""
    done = run("demo", timeout=180)
    shown = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, shown
    assert "curl" in shown and "vt.Client" in shown and "x-apikey" in shown.lower()
    assert eicar().decode() not in shown


def test_an_archive_with_malware_inside_is_not_called_clean(cli):
    done = cli("scan", "-", stdin=archive(**{"eicar.com": eicar(), "note.txt": unique()}))
    assert done.returncode in (CLEAN, MALICIOUS), done.stderr.decode()
