"""Downloads: whole, in parts, only the head; by the premium path and by the signed address."""

import pytest

from samples import unique


@pytest.fixture(scope="module")
def content() -> bytes:
    """What is downloaded."""
    return unique("download", 100_000)


@pytest.fixture(scope="module")
def file(server, content) -> str:
    """Its SHA-256 on the server."""
    return server.scan(content, "down load.bin")["id"]


@pytest.fixture(scope="module", params=["download", "download_url"])
def address(request, server, premium, file) -> str:
    """Where it is downloaded from."""
    if request.param == "download":
        return f"/files/{file}/download"
    return server.get(f"/files/{file}/download_url", premium).json()["data"]


def test_a_download_is_the_file_with_its_type_and_length(server, premium, address, content):
    answer = server.get(address, premium)
    assert answer.status_code == 200 and answer.content == content
    assert answer.headers["content-length"] == str(len(content))
    assert not answer.headers["content-type"].startswith("application/json")
    assert answer.headers.get("accept-ranges") == "bytes"
    # A browser must never render what somebody uploaded.
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers.get("x-content-type-options") == "nosniff"


def test_the_head_alone_is_served(server, premium, address, content):
    answer = server.request("HEAD", address, premium)
    assert answer.status_code == 200 and answer.content == b""
    assert answer.headers["content-length"] == str(len(content))


@pytest.mark.parametrize("asked, start, end", [
    ("bytes=0-99", 0, 100),
    ("bytes=99900-", 99_900, None),
    ("bytes=-10", -10, None),
    ("bytes=50000-999999999", 50_000, None),
])
def test_a_part_is_served(server, premium, address, content, asked, start, end):
    answer = server.get(address, premium, headers={"Range": asked})
    part = content[start:end]
    assert answer.status_code == 206 and answer.content == part
    first = start if start >= 0 else len(content) + start
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(part) - 1}/{len(content)}"


def test_a_part_beyond_the_end_is_refused(server, premium, address, content):
    answer = server.get(address, premium, headers={"Range": f"bytes={len(content)}-"})
    assert answer.status_code in (200, 416)
    if answer.status_code == 416:
        assert answer.headers["content-range"] == f"bytes */{len(content)}"


def test_a_range_that_is_none_is_ignored(server, premium, address, content):
    answer = server.get(address, premium, headers={"Range": "lines=1-2"})
    assert answer.status_code == 200 and answer.content == content


def test_a_signed_address_needs_no_key_and_serves_again(server, premium, file, content):
    address = server.get(f"/files/{file}/download_url", premium).json()["data"]
    assert address.startswith(server.url)
    for key in (None, premium, None):
        assert server.get(address, key).content == content


def test_a_signed_address_that_was_changed_serves_nothing(server, premium, file, malware):
    address = server.get(f"/files/{file}/download_url", premium).json()["data"]
    for changed in (address[:-1] + ("0" if address[-1] != "0" else "1"), address.replace(file, malware["id"]) + "x"):
        assert 400 <= server.get(changed, None).status_code < 500


def test_a_download_of_something_unknown_is_not_found(server, premium):
    for path in (f"/files/{'0' * 64}/download", f"/files/{'0' * 64}/download_url"):
        answer = server.get(path, premium)
        assert answer.status_code == 404 and answer.json()["error"]["code"] == "NotFoundError"


def test_an_empty_file_is_downloaded(server, premium):
    empty = server.scan(b"", "empty")["id"]
    answer = server.get(f"/files/{empty}/download", premium)
    assert answer.status_code == 200 and answer.content == b"" and answer.headers["content-length"] == "0"
