"""Bad input: each piece of it ends in a clear client error, and the server and everything in it are still there after."""

import json

import pytest
import requests

from samples import archive, locked_bomb, locked_zip, sha256, unique
from wire import exchange, request

MIB = 1 << 20


@pytest.fixture(autouse=True)
def nothing_is_lost(server, malware):
    """After each test the server runs and still has what it had."""
    yield
    assert server.alive()
    assert server.get(f"/files/{malware['id']}").status_code == 200
    assert " panicked at " not in server.log_tail(1 << 20)


def refused(answer, status: int = 400) -> str:
    """Asserts a client error in the API's shape and answers its message."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"].endswith("Error") and error["message"]
    return error["message"]


def parts(boundary: str, *bodies: str, end: bool = True) -> bytes:
    """A multipart body of these parts (headers and content), with or without its end."""
    text = "".join(f"--{boundary}\r\n{body}\r\n" for body in bodies)
    return (text + (f"--{boundary}--\r\n" if end else "")).encode()


FILE = 'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'


def post_raw(server, body: bytes, boundary: str = "b", **more: str):
    """POST /files with this body as it is."""
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"} | more
    return server.post("/files", data=body, headers=headers)


# Files

def test_an_empty_file_has_its_report(server):
    report = server.scan(b"", "empty")
    assert report["id"] == sha256(b"") and report["attributes"]["size"] == 0


def test_a_file_of_32_mb_is_taken_and_one_of_33_is_sent_to_the_upload_address(server):
    content = unique("just fits", 32 * MIB - 4096)
    assert server.scan(content)["attributes"]["size"] == len(content)
    answer = server.post("/files", files={"file": ("large.bin", unique("too large", 33 * MIB))})
    assert "/files/upload_url" in refused(answer, 413)


def test_a_file_too_large_for_the_upload_address_is_refused_long_before_its_end(server):
    """700 MB announced: some of it is read, so that a client that sends first and reads later gets the answer."""
    address = server.get("/files/upload_url").json()["data"]
    path = address.removeprefix(server.url)
    headers = {
        "x-apikey": server.operator_key,
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Length": str(700 * MIB),
    }
    answer = exchange(server.port, request("POST", path, headers, bytes(65 * MIB)))
    assert answer.status == 413 and json.loads(answer.body)["error"]["code"]


# Multipart

def test_a_body_that_is_no_multipart_is_refused(server):
    assert "multipart" in refused(server.post("/files", data=b"content"))
    assert "multipart" in refused(server.post("/files", json={"file": "content"}))
    refused(server.post("/files", data={"file": "content"}))
    refused(server.post("/files", data=b"x", headers={"Content-Type": "multipart/form-data"}))
    refused(server.post("/files"))


def test_a_form_without_a_file_is_refused(server):
    assert "file" in refused(server.post("/files", files={"other": ("a", b"content")}))
    refused(post_raw(server, parts("b")))


def test_a_form_with_two_files_is_refused_and_neither_is_kept(server):
    first, second = unique(), unique()
    answer = server.post("/files", files=[("file", ("a", first)), ("file", ("b", second))])
    assert "file" in refused(answer)
    for content in (first, second):
        assert server.get(f"/files/{sha256(content)}").status_code == 404


def test_a_multipart_without_its_end_is_refused_and_not_kept(server):
    content = unique("no end").decode()
    refused(post_raw(server, parts("b", FILE + content, end=False)))
    assert server.get(f"/files/{sha256(content.encode())}").status_code == 404


def test_a_multipart_with_foreign_boundary_is_refused(server):
    refused(post_raw(server, parts("b", FILE + "content"), boundary="other"))


def test_a_connection_that_breaks_in_the_middle_leaves_nothing(server):
    content = unique("broken", 200_000)
    body = b"--b\r\n" + FILE.encode() + content
    headers = {
        "x-apikey": server.operator_key,
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Length": str(len(body) + 100),
    }
    for sent in (body, body[:1000], body[:20], b""):
        answer = exchange(server.port, request("POST", "/api/v3/files", headers, sent), then_close=True)
        assert answer.status == 0 or 400 <= answer.status < 500
    assert server.get(f"/files/{sha256(content)}").status_code == 404


def test_a_part_with_endless_headers_takes_no_memory(server):
    def body():
        yield b"--b\r\nX-Long: "
        for _ in range(128):
            yield bytes(MIB).replace(b"\0", b"x")
        yield f"\r\n{FILE}content\r\n--b--\r\n".encode()

    address = server.get("/files/upload_url").json()["data"]
    with server.memory_grows_less_than(64 * MIB):
        try:
            answer = server.post(address, data=body(), headers={"Content-Type": "multipart/form-data; boundary=b"})
            assert answer.status_code in (200, 400, 413)
        except requests.ConnectionError:
            pass  # It refused before all was sent.


def test_a_chunked_body_is_taken(server):
    content = unique("chunked")
    body = parts("b", FILE + content.decode())
    answer = post_raw(server, iter([body[:10], body[10:]]))
    assert answer.status_code == 200
    server.analysis(answer.json()["data"]["id"])
    assert server.get(f"/files/{sha256(content)}").status_code == 200


# Names

@pytest.mark.parametrize("name", [
    "../../../etc/passwd",
    "/etc/passwd",
    "C:\\\\Windows\\\\system32\\\\evil.exe",
    "bell\x07and\ttab.txt",
    "naïve Ünïcödé 文件.txt",
    "",
    "long-" + "n" * 10_000,
    "<script>alert(1)</script>",
    "a;b=c'd",
])
def test_a_name_is_data_and_never_a_path(server, name, tmp_path):
    content = unique("named").decode()
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    answer = post_raw(server, parts("b", head + content))
    assert answer.status_code == 200 or (len(name) > 1000 and answer.status_code == 400), answer.text
    if answer.status_code == 200:
        report = server.get(f"/files/{server.analysis(answer.json()['data']['id'])['meta']['file_info']['sha256']}")
        assert report.status_code == 200
        names = report.json()["data"]["attributes"]["names"]
        assert all(len(one) <= 10_005 for one in names)
    stored = [path for path in server.data.rglob("*") if any(word in path.name for word in ("passwd", "evil", "long-n"))]
    assert not stored


# Arguments

@pytest.mark.parametrize("digest", ["0" * 31, "0" * 33, "0" * 65, "g" * 64, "%00" * 32, "..%2f..%2fetc%2fpasswd", "%ff%fe", "*"])
def test_a_malformed_hash_is_refused(server, digest):
    for path in (f"/files/{digest}", f"/files/{digest}/submissions", f"/files/{digest}/download"):
        assert 400 <= server.get(path).status_code < 500
    assert 400 <= server.post(f"/files/{digest}/analyse").status_code < 500


def test_a_cursor_of_another_query_is_refused(server, submitted_often):
    cursor = server.get(f"/files/{submitted_often}/submissions?limit=2").json()["meta"]["cursor"]
    other = server.scan(unique())["id"]
    refused(server.get(f"/files/{other}/submissions?cursor={cursor}"))
    refused(server.get(f"/files/{submitted_often}/analyses?cursor={cursor}"))
    for changed in (cursor[:-1], cursor + "A", cursor[::-1], "x", "%00", "=" * 5000):
        refused(server.get(f"/files/{submitted_often}/submissions?cursor={changed}"))


@pytest.mark.parametrize("body", [b"{", b'{"data": ', b"\xff\xfe", b"[" * 50_000, b'{"data": 1}', b"null", b""])
@pytest.mark.parametrize("kind", ["application/json", "text/plain; charset=utf-8", "application/x-www-form-urlencoded"])
def test_json_that_is_none_breaks_nothing(server, malware, body, kind):
    """`analyse` takes no document: clients send an empty one, a form or nothing, and the body does not matter."""
    answer = server.post(f"/files/{malware['id']}/analyse", data=body, headers={"Content-Type": kind})
    assert answer.status_code in (200, 400)
    answer = server.post("/files", data=body, headers={"Content-Type": kind})
    refused(answer)


# HTTP

def test_ten_thousand_header_lines_are_refused(server):
    headers = {"x-apikey": server.operator_key} | {f"X-Line-{number}": "x" for number in range(10_000)}
    answer = exchange(server.port, request("GET", "/api/v3/metadata", headers))
    assert 400 <= answer.status < 500


@pytest.mark.parametrize("line", [
    "GARBAGE", "GET", "GET / HTTP/9.9", "GET /\x00 HTTP/1.1", "GET /" + "a" * 100_000 + " HTTP/1.1",
])
def test_what_is_no_http_is_refused(server, line):
    answer = exchange(server.port, f"{line}\r\nHost: x\r\n\r\n".encode("latin-1"), then_close=True)
    assert answer.status == 0 or 400 <= answer.status < 500 or answer.status == 505


def test_lengths_that_contradict_each_other_are_refused(server):
    headers = {"x-apikey": server.operator_key, "Content-Length": "5", "Transfer-Encoding": "chunked"}
    answer = exchange(server.port, request("POST", "/api/v3/files", headers, b"0\r\n\r\n"))
    assert 400 <= answer.status < 500
    headers = {"x-apikey": server.operator_key, "Content-Length": "-5"}
    assert 400 <= exchange(server.port, request("POST", "/api/v3/files", headers)).status < 500


def test_a_path_with_dots_leads_nowhere(server):
    for path in ("/api/v3/../../etc/passwd", "/api/v3/files/%2e%2e/%2e%2e", "//api/v3/metadata", "/api/v3//metadata"):
        answer = exchange(server.port, request("GET", path, {"x-apikey": server.operator_key}))
        assert 400 <= answer.status < 500, path


# Archives under a password

def test_the_one_file_of_a_locked_archive_is_scanned(server):
    content = unique("locked")
    answer = server.post("/files", data={"password": "infected"}, files={"file": ("a.zip", locked_zip(content))})
    assert answer.status_code == 200, answer.text
    assert server.analysis(answer.json()["data"]["id"])["meta"]["file_info"]["sha256"] == sha256(content)


@pytest.mark.parametrize("content", [
    locked_zip(b"x" * 100, password=b"other"),
    locked_zip(b"x" * 100, members=2),
    locked_zip(b"x" * 100)[:-30],
    b"no archive",
    b"",
    archive(),
], ids=["wrong password", "two members", "damaged", "no archive", "empty", "no members"])
def test_an_archive_that_the_password_does_not_open_is_refused(server, content):
    refused(server.post("/files", data={"password": "infected"}, files={"file": ("a.zip", content)}))


def test_a_small_archive_with_a_huge_member_takes_no_memory(server):
    """300 MB of zeros in 0.3 MB: taken piece by piece or refused, but never held whole."""
    bomb = locked_bomb(300 * MIB)
    assert len(bomb) < MIB
    with server.memory_grows_less_than(128 * MIB):
        answer = server.post("/files", data={"password": "infected"}, files={"file": ("a.zip", bomb)})
    assert answer.status_code in (200, 400, 413), answer.text
