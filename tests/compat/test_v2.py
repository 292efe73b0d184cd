"""Habits of API v2: its own paths speak v2; under /api/v3/ they are met with the request to make instead."""

import pytest

from samples import sha256, unique


@pytest.mark.parametrize("method, path, instead", [
    ("GET", "/file/report?resource={}", "/api/v3/files/{}"),
    ("POST", "/file/scan", "/api/v3/files"),
    ("POST", "/file/rescan?resource={}", "/api/v3/files/{}/analyse"),
    ("GET", "/file/download?hash={}", "/api/v3/files/{}/download"),
])
def test_a_v2_path_under_v3_is_answered_with_what_to_do(server, malware, method, path, instead):
    for key in ("", None):
        answer = server.request(method, path.format(malware["id"]), key)
        if key is None and answer.status_code == 401:
            continue
        assert answer.status_code == 400 and answer.json()["error"]["code"] == "BadRequestError"
        wanted = instead.format(malware["id"]), instead.format("{hash}"), instead.format("{id}")
        assert any(one in answer.json()["error"]["message"] for one in wanted), answer.text


def test_a_report_is_read_as_in_v2(server, premium, malware):
    for resource in (malware["id"], malware["attributes"]["md5"]):
        answer = server.get(f"{server.url}/vtapi/v2/file/report?apikey={premium}&resource={resource}", None)
        report = answer.json()
        assert answer.status_code == 200 and report["response_code"] == 1
        assert report["sha256"] == malware["id"] and report["resource"] == resource
        assert report["positives"] == malware["attributes"]["last_analysis_stats"]["malicious"]
        assert report["total"] >= report["positives"] >= 1
        detected = [scan for scan in report["scans"].values() if scan["detected"]]
        assert len(detected) == report["positives"]


def test_an_unknown_file_is_response_code_0(server, premium):
    answer = server.get(f"{server.url}/vtapi/v2/file/report?apikey={premium}&resource={'0' * 64}", None)
    assert answer.status_code == 200 and answer.json()["response_code"] == 0 and answer.json()["verbose_msg"]


def test_a_file_is_scanned_as_in_v2(server, premium):
    content = unique("v2")
    address = f"{server.url}/vtapi/v2/file/scan"
    answer = server.post(address, None, params={"apikey": premium}, files={"file": ("v2.txt", content)})
    assert answer.status_code == 200 and answer.json()["response_code"] == 1
    assert answer.json()["scan_id"] and answer.json()["sha256"] == sha256(content)


def test_a_wrong_key_is_403_with_v2(server, premium, malware):
    for key in ("0" * 64, premium + "%20", ""):
        answer = server.get(f"{server.url}/vtapi/v2/file/report?apikey={key}&resource={malware['id']}", None)
        assert answer.status_code == 403


def test_without_a_resource_it_is_400_with_v2(server, premium):
    assert server.get(f"{server.url}/vtapi/v2/file/report?apikey={premium}", None).status_code == 400


def test_over_the_limit_it_is_204_and_empty_with_v2(server, public, malware):
    address = f"{server.url}/vtapi/v2/file/report?apikey={public}&resource={malware['id']}"
    answers = [server.get(address, None) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 204]
    assert answers[-1].content == b""
