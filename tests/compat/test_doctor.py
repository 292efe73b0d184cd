"""`assay doctor`: against the real server, and against servers that are wrong in one way each."""

import functools
import json
import time

import pytest

from assay import Server, free_port, run
from broken import V3_REFUSAL, always, certificate, serving, silent, slowly, v3

FINE, FINDINGS, FAILED = 0, 1, 2
FOREIGN = "0123456789abcdeffedcba98765432100f1e2d3c4b5a69788796a5b4c3d2e1f0"


class Diagnosis:
    """What the doctor said."""

    def __init__(self, done):
        self.status = done.returncode
        self.text = (done.stdout + done.stderr).decode()
        self.findings = json.loads(done.stdout) if done.stdout.startswith(b"[") else []

    def said(self, step: str, part: str) -> dict | None:
        """The first finding of the step whose message or mend has `part` in it."""
        mine = (one for one in self.findings if one["step"] == step)
        return next((one for one in mine if part in one["message"] + one.get("mend", "")), None)

    def has(self, step: str, grade: str, part: str) -> bool:
        """Whether that was found, and how grave it is."""
        found = self.said(step, part)
        return bool(found) and found["grade"] == grade and (grade in ("fine", "note") or bool(found["mend"]))

    def grades(self) -> set[str]:
        """The sorts of findings."""
        return {one["grade"] for one in self.findings}


def ask(server: str, *options, key: str | None = None, **more: str) -> Diagnosis:
    """Asks the doctor about a server; the key is in the environment."""
    said = more | ({"ASSAY_API_KEY": key} if key else {})
    return Diagnosis(run("doctor", "--server", server, "--format", "json", "--patience", "3s", *options, **said))


# The real server

def test_a_server_and_a_key_that_are_fine_are_told_so(server, premium):
    found = ask(server.url, key=premium)
    assert found.status == FINE, found.text
    assert found.grades() <= {"fine", "note"}
    for step, part in {
        "address": "port", "connection": "answers after", "http": "401", "api": "v3 API answers", "key": premium[4:16],
        "account": "premium-of-all-tests", "quota": "", "privileges": "allinfo", "latency": "ms",
    }.items():
        assert found.said(step, part), f"{step}: {found.text}"
    assert premium[16:56] not in found.text


def test_people_get_a_line_a_finding_and_a_sum(server, premium):
    done = run("doctor", ASSAY_SERVER=server.url, ASSAY_API_KEY=premium)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == FINE and lines[-1] == "all is well"
    assert all(line.split()[0] in ("fine", "note", "warning", "problem") for line in lines[:-1])
    assert premium[16:56] not in done.stdout.decode()


def test_without_a_key_the_way_to_the_server_is_still_checked(server):
    found = ask(server.url)
    assert found.status == FINDINGS and found.has("api", "fine", "v3 API") and found.has("key", "problem", "ASSAY_API_KEY")


@pytest.mark.parametrize("wrap, said", [
    (lambda key: f" {key}", "blank"), (lambda key: f'"{key}"', "quotation"), (lambda key: f"{key}\n", "line end"),
    (lambda key: f"{key}\r\n", "carriage return"), (lambda key: key.upper(), "upper-case"),
    (lambda key: f"x-apikey: {key}", "header"), (lambda key: f"VT_API_KEY={key}", "setting"),
])
def test_what_stands_around_a_key_is_named_and_the_rest_is_checked_without_it(server, premium, wrap, said):
    found = ask(server.url, key=wrap(premium))
    assert found.status == FINDINGS and found.has("key", "warning", said), found.text
    assert found.has("account", "fine", "premium-of-all-tests")
    assert premium[16:56] not in found.text.lower()


def test_a_key_that_cannot_be_right_is_not_sent(premium):
    typo = premium[:20] + ("0" if premium[20] != "0" else "1") + premium[21:]
    with serving(v3) as other:
        for key, said in ((typo, "typo"), (premium[:62], "62 of 64"), ("<your-key>", "placeholder")):
            found = ask(f"http://127.0.0.1:{other.server_port}", key=key)
            assert found.has("key", "problem", said) and key not in found.text, found.text
        assert not any("x-apikey" in str(headers).lower() for _, headers in other.seen)


def test_a_key_file_that_others_can_read_or_that_windows_wrote_is_told(server, premium, tmp_path):
    path = tmp_path / "key"
    path.write_text(f"{premium}\r\n")
    path.chmod(0o644)
    found = ask(server.url, "--api-key-file", str(path))
    assert found.has("key", "warning", "chmod 600") and found.has("key", "warning", "CR and LF")
    assert found.has("account", "fine", "premium-of-all-tests")
    gone = ask(server.url, "--api-key-file", str(tmp_path / "gone"))
    assert gone.has("key", "problem", "cannot be read") and gone.has("api", "fine", "v3 API")


def test_wrong_revoked_and_deactivated_keys_are_told_apart(server):
    key = server.account("to-be-diagnosed", "premium")
    other = ask(server.url, key=FOREIGN)
    assert other.status == FINDINGS and other.has("account", "problem", "assay key list")
    assert run("key", "revoke", key[4:16], "--data", server.data).returncode == 0
    assert ask(server.url, key=key).has("account", "problem", "revoked")
    key = server.new_key("to-be-diagnosed")
    assert run("user", "update", "to-be-diagnosed", "--status", "inactive", "--data", server.data).returncode == 0
    assert ask(server.url, key=key).has("account", "problem", "--status active")


def test_a_rotated_key_and_one_that_ends_soon_are_warned_of(server):
    key = server.account("to-be-rotated", "premium")
    assert run("key", "rotate", key[4:16], "--overlap", "2h", "--data", server.data).returncode == 0
    found = ask(server.url, key=key)
    assert found.status == FINDINGS and found.has("account", "warning", "was rotated"), found.text
    assert "in 1 h" in found.said("account", "was rotated")["message"]
    made = run("key", "create", "--account", "to-be-rotated", "--expires", "3d", "--data", server.data)
    assert ask(server.url, key=made.stdout.decode().strip()).has("account", "warning", "assay key rotate")


def test_a_quota_that_is_used_up_is_a_problem(server, public, malware):
    name = server.get(f"/users/{public}", public).json()["data"]["id"]
    assert run("user", "update", name, "--daily", "2", "--data", server.data).returncode == 0
    for _ in range(2):
        assert server.get(f"/files/{malware['id']}", public).status_code == 200
    found = ask(server.url, key=public)
    assert found.has("quota", "problem", "api_requests_daily: 2 of 2"), found.text


def test_a_base_address_of_v2_is_named_and_the_rest_is_checked(server, premium):
    for end in ("/vtapi/v2", "/vtapi/v2/file/report"):
        found = ask(server.url + end, key=premium)
        assert found.status == FINDINGS and found.has("address", "problem", "/api/v3"), found.text
        assert found.has("api", "fine", "API v2 is served too") and found.has("account", "fine", "premium-of-all-tests")


# The way to it

def test_a_closed_port_a_silent_one_and_an_unknown_name():
    assert ask(f"http://127.0.0.1:{free_port()}").has("connection", "problem", "assay serve")
    with silent() as port:
        began = time.monotonic()
        found = ask(f"http://127.0.0.1:{port}", "--patience", "500ms", key=FOREIGN)
        assert time.monotonic() - began < 10
        assert found.has("http", "problem", "in time") and FOREIGN not in found.text, found.text
        assert ask(f"https://127.0.0.1:{port}", "--patience", "500ms").has("tls", "problem", "no TLS connection")
    assert ask("https://no-such-host.invalid").has("name", "problem", "spelt")


def test_a_mix_up_of_http_and_https_is_named_in_both_directions(server, tmp_path):
    assert ask(server.url.replace("http", "https")).has("tls", "problem", server.url)
    context, authority = certificate(tmp_path, "localhost", "127.0.0.1")
    with serving(v3, context) as other:
        found = ask(f"http://127.0.0.1:{other.server_port}", "--ca", str(authority))
        assert found.has("tls", "problem", f"https://127.0.0.1:{other.server_port}"), found.text


def test_certificates_are_told_apart(tmp_path):
    for names, days, begins, said in (
        (["localhost", "127.0.0.1"], 90, -30, None),
        (["localhost", "127.0.0.1"], 5, -30, "ends in"),
        (["localhost", "127.0.0.1"], -1, -30, "expired on"),
        (["localhost", "127.0.0.1"], 90, 2, "not valid before"),
        (["assay.example"], 90, -30, "it is for assay.example"),
    ):
        context, authority = certificate(tmp_path, *names, days=days, begins=begins)
        with serving(v3, context) as other:
            address = f"https://127.0.0.1:{other.server_port}"
            found = ask(address, "--ca", str(authority))
            if said:
                assert found.has("tls", "warning" if said == "ends in" else "problem", said), found.text
            else:
                assert found.has("tls", "fine", "trusted") and found.has("api", "fine", "v3 API"), found.text
                assert ask(address).has("tls", "problem", "SSL_CERT_FILE")
                assert ask(address, SSL_CERT_FILE=str(authority)).has("tls", "fine", "trusted")


def test_the_certificate_of_our_own_server_names_its_authority(tmp_path):
    server = Server(tmp_path, "--tls", "self-signed", scheme="https")
    server.verify = False
    try:
        server.start()
        found = ask(server.url, key=server.operator_key)
        assert found.has("tls", "problem", "tls/ca.pem") and found.said("tls", "Assay self-signed authority")
        found = ask(server.url, "--ca", str(server.data / "tls" / "ca.pem"), key=server.operator_key)
        assert found.status == FINE, found.text
    finally:
        server.stop()


# What answers

@pytest.mark.parametrize("answer, step, said", [
    (always(200, b"<!DOCTYPE html><title>Sign in\x1b[2J</title>", Content_Type="text/html"), "http", "Sign in"),
    (always(302, b"", Location="https://sso.example/login"), "http", "sso.example"),
    (always(407, b""), "http", "HTTPS_PROXY"),
    (always(502, b"bad gateway"), "http", "gateway"),
    (always(200, b"hello"), "api", "no v3 API"),
    (always(404, b"404 page not found"), "api", "no v3 API"),
    (always(200, b"x" * (8 << 20)), "api", "no v3 API"),
])
def test_what_is_no_api_is_named_and_gets_no_key(answer, step, said):
    with serving(answer) as other:
        found = ask(f"http://127.0.0.1:{other.server_port}", key=FOREIGN)
        assert found.status == FINDINGS and found.has(step, "problem", said), found.text
        assert "\x1b" not in found.text and not any("x-apikey" in str(seen).lower() for seen in other.seen)


def test_a_slow_server_and_a_wrong_clock_are_warned_of():
    past = functools.partial(v3, known={})

    def answer(path, headers):
        status, more, body = past(path, headers)
        return status, more | {"Date": "Tue, 01 Sep 2026 00:00:00 GMT"}, body

    with serving(slowly(1.2, answer)) as other:
        found = ask(f"http://127.0.0.1:{other.server_port}", "--patience", "10s")
        assert found.has("http", "warning", "NTP") and found.has("latency", "warning", "slow"), found.text


def test_a_server_that_knows_less_than_ours_is_no_fault():
    """VirusTotal itself answers keys and quotas, and knows nothing of /api_keys."""
    user = {"type": "user", "id": "ann", "attributes": {"status": "active", "privileges": {"intelligence": {"granted": True}}}}
    quotas = {"api_requests_daily": {"user": {"allowed": 500, "used": 450}}, "odd": 7, "odder": {"user": "x"}}
    known = {
        f"/api/v3/users/{FOREIGN}": (200, {}, json.dumps({"data": user}).encode()),
        "/api/v3/users/ann/overall_quotas": (200, {}, json.dumps({"data": quotas}).encode()),
    }
    with serving(functools.partial(v3, known=known)) as other:
        found = ask(f"http://127.0.0.1:{other.server_port}", key=FOREIGN)
        assert found.has("account", "fine", "ann") and found.has("privileges", "fine", "intelligence"), found.text
        assert found.has("quota", "warning", "450 of 500")
    with serving(functools.partial(v3, known={"/api/v3/users/": (200, {}, b'{"data": [1, {"id": 7}]}')})) as other:
        found = ask(f"http://127.0.0.1:{other.server_port}", key=FOREIGN)
        assert found.has("privileges", "note", "not known here"), found.text


@pytest.mark.parametrize("status, code, grade, said", [
    (401, "WrongCredentialsError", "problem", "does not take the key"),
    (401, "UserNotActiveError", "problem", "not active"),
    (401, "AuthenticationRequiredError", "problem", "x-apikey"),
    (403, "ForbiddenError", "problem", "networks"),
    (429, "QuotaExceededError", "warning", "Wait"),
    (404, "NotFoundError", "note", "not known here"),
    (500, "InternalError", "problem", "log"),
])
def test_each_refusal_of_a_key_has_its_mend_and_a_repeated_key_is_hidden(status, code, grade, said):
    body = json.dumps({"error": {"code": code, "message": f"no {FOREIGN.upper()}"}}).encode()
    with serving(functools.partial(v3, known={"/api/v3/users/": (status, {}, body)})) as other:
        found = ask(f"http://127.0.0.1:{other.server_port}", key=FOREIGN)
        assert found.has("account", grade, said), found.text
        assert FOREIGN not in found.text.lower()


def test_a_connection_that_breaks_off_is_no_crash():
    def answer(path, headers):
        if headers.get("x-apikey"):
            raise ConnectionResetError
        return 401, {}, V3_REFUSAL

    with serving(answer) as other:
        found = ask(f"http://127.0.0.1:{other.server_port}", key=FOREIGN)
        assert found.status == FINDINGS and found.said("account", ""), found.text


# Where the key does not go

def test_the_key_is_not_sent_in_the_clear_to_another_machine():
    """0.0.0.0 leads to this machine, but is none of its loopback addresses."""
    with serving(v3) as other:
        address = f"http://0.0.0.0:{other.server_port}"
        found = ask(address, key=FOREIGN)
        assert found.has("key", "problem", "--insecure-http") and found.has("tls", "warning", "--tls"), found.text
        assert not any("x-apikey" in str(seen).lower() for seen in other.seen)
        assert ask(address, "--insecure-http", key=FOREIGN).said("account", "")
        assert any("x-apikey" in str(seen).lower() for seen in other.seen)


def test_an_almost_virustotal_is_not_spoken_to(premium):
    for name in ("www.virustotal.co", "virusttotal.com", "api.virustotal.com"):
        found = ask(f"https://{name}/api/v3", key=premium)
        assert found.has("address", "problem", "https://www.virustotal.com") and not found.said("name", ""), found.text


def test_arguments_that_are_none_end_with_2(premium):
    assert run("doctor", "--patience", "soon").returncode == FAILED
    refused = run("doctor", "--server", f"https://host/?apikey={premium}")
    assert refused.returncode == FAILED and premium.encode() not in refused.stderr + refused.stdout


