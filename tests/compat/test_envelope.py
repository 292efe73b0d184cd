"""How answers look on the wire: the check lists of the reference (parts 8 and 12), with no client in between."""

import gzip
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from samples import unique
from wire import exchange, request


def test_every_success_is_200_and_json(server, malware, submitted_often):
    paths = [
        f"/files/{malware['id']}",
        f"/files/{submitted_often}/submissions",
        f"/files/{submitted_often}/relationships/analyses",
        "/files/upload_url",
        f"/files/{malware['id']}/download_url",
        "/metadata",
    ]
    for path in paths:
        answer = server.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"].startswith("application/json"), path
        assert "data" in answer.json() and answer.json().get("meta", {}) is not None, path
    for path in ("/files", f"/files/{malware['id']}/analyse"):
        answer = server.post(path, files={"file": ("a", unique())} if path == "/files" else None)
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/files/" + "0" * 64, 404),
    ("GET", "/files/nonsense", 400),
    ("GET", "/nonsense", 404),
    ("PUT", "/metadata", 405),
    ("DELETE", "/files/" + "0" * 64, 405),
    ("POST", "/files", 400),
])
def test_every_error_is_json_with_a_code_and_a_message(server, method, path, status):
    answer = server.request(method, path)
    assert answer.status_code == status and answer.headers["content-type"].startswith("application/json")
    assert set(answer.json()) == {"error"}
    assert answer.json()["error"]["code"] and answer.json()["error"]["message"]


def test_a_path_outside_the_api_is_json_too(server):
    answer = server.get(f"{server.url}/favicon.ico", key=None)
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "NotFoundError"


def test_json_is_compressed_when_asked_for_and_errors_as_well(server, submitted_often):
    for path, status in ((f"/files/{submitted_often}?relationships=submissions", 200), ("/files/" + "0" * 64, 404)):
        plain = server.get(path, headers={"Accept-Encoding": "identity"}, stream=True)
        packed = server.get(path, headers={"Accept-Encoding": "gzip"}, stream=True)
        assert (plain.status_code, packed.status_code) == (status, status)
        assert "content-encoding" not in plain.headers and packed.headers["content-encoding"] == "gzip", path
        text = gzip.decompress(packed.raw.read(decode_content=False))
        assert json.loads(text).keys() == json.loads(plain.raw.read()).keys()


def test_a_download_is_never_compressed(server):
    content = unique("compressible", 200_000)
    report = server.scan(content)
    answer = server.get(f"/files/{report['id']}/download", headers={"Accept-Encoding": "gzip"}, stream=True)
    assert answer.status_code == 200 and "content-encoding" not in answer.headers
    assert answer.raw.read(decode_content=False) == content


def test_links_lead_back_to_the_address_that_the_client_used(server, submitted_often):
    path = f"/api/v3/files/{submitted_often}/submissions?limit=2"
    headers = {"x-apikey": server.operator_key, "Host": "scanner.example:8443"}
    document = json.loads(exchange(server.port, request("GET", path, headers)).body)
    for link in (document["links"]["self"], document["links"]["next"], document["data"][0]["links"]["self"]):
        assert link.startswith("http://scanner.example:8443/api/v3/"), link


def test_forwarded_headers_of_a_stranger_are_ignored(server, submitted_often):
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    document = server.get(f"/files/{submitted_often}/submissions?limit=2", headers=headers).json()
    assert document["links"]["self"].startswith(f"{server.url}/")


def test_a_host_header_cannot_put_anything_into_a_link(server, submitted_often):
    path = f"/api/v3/files/{submitted_often}/submissions"
    headers = {"x-apikey": server.operator_key, "Host": 'evil"<script>.example/x'}
    answer = exchange(server.port, request("GET", path, headers))
    assert 200 <= answer.status < 500 and b"<script>" not in answer.body


def test_self_repeats_the_page_and_next_leads_on_to_the_end(server, submitted_often):
    seen, address = [], f"/files/{submitted_often}/submissions?limit=3&unknown=kept"
    while address:
        page = server.get(address).json()
        assert page["data"], "an empty page may not have been announced"
        again = server.get(page["links"]["self"]).json()
        assert [item["id"] for item in again["data"]] == [item["id"] for item in page["data"]]
        assert again["links"]["self"] == page["links"]["self"]
        assert ("cursor" in page["meta"]) == ("next" in page["links"])
        if "cursor" in page["meta"]:
            assert re.fullmatch(r"[A-Za-z0-9_-]+", page["meta"]["cursor"])
            asked = parse_qs(urlsplit(page["links"]["next"]).query)
            assert asked["cursor"] == [page["meta"]["cursor"]] and asked["limit"] == ["3"]
        assert page["meta"]["count"] == 7
        seen += [item["id"] for item in page["data"]]
        address = page["links"].get("next")
    assert len(seen) == len(set(seen)) == 7


def test_a_page_has_ten_items_unless_said(server):
    content = unique("eleven")
    for number in range(11):
        server.upload(content, f"{number}.txt")
    sha256 = server.scan(content)["id"]
    page = server.get(f"/files/{sha256}/submissions").json()
    assert len(page["data"]) == 10 and page["meta"]["cursor"]
    assert len(server.get(f"/files/{sha256}/submissions?limit=40").json()["data"]) == 12
    inline = server.get(f"/files/{sha256}?relationships=submissions").json()["data"]["relationships"]["submissions"]
    assert len(inline["data"]) == 12 and inline["links"]["related"].endswith(f"/files/{sha256}/submissions")


@pytest.mark.parametrize("limit", ["0", "-1", "many", "41", "99999999999999999999"])
def test_a_limit_out_of_bounds_is_a_client_error_or_clamped(server, submitted_often, limit):
    answer = server.get(f"/files/{submitted_often}/submissions?limit={limit}")
    assert answer.status_code in (200, 400)
    if limit in ("-1", "many"):
        assert answer.status_code == 400 and answer.json()["error"]["code"] in ("InvalidArgumentError", "BadRequestError")


def test_an_inline_cursor_works_on_both_forms_of_the_relationship(server):
    content = unique("many")
    for number in range(22):
        server.upload(content, f"{number}.txt")
    sha256 = server.scan(content)["id"]
    inline = server.get(f"/files/{sha256}?relationships=submissions").json()["data"]["relationships"]["submissions"]
    assert len(inline["data"]) == 20
    for form in (f"/files/{sha256}/submissions", f"/files/{sha256}/relationships/submissions"):
        rest = server.get(f"{form}?cursor={inline['meta']['cursor']}").json()
        assert len(rest["data"]) == 3 and not {item["id"] for item in rest["data"]} & {item["id"] for item in inline["data"]}


def test_unknown_arguments_are_ignored(server, malware):
    query = "?unknown=1&relationship_attributes%5Bsubmissions%5D=date&relationships=submissions&x[]=2&empty="
    answer = server.get(f"/files/{malware['id']}{query}")
    assert answer.status_code == 200 and answer.json()["data"]["relationships"]["submissions"]["data"]


def test_an_unknown_relationship_is_a_client_error(server, malware):
    assert server.get(f"/files/{malware['id']}/no_such_relationship").status_code == 404
    assert server.get(f"/files/{malware['id']}/relationships/no_such_relationship").status_code == 404
    assert server.get(f"/files/{malware['id']}?relationships=no_such_relationship").status_code in (200, 400)


def test_an_analysis_is_there_from_the_first_moment(server):
    content = unique("at once")
    analysis = server.upload(content, "at-once.txt")
    answer = server.get(f"/analyses/{analysis}")
    assert answer.status_code == 200
    attributes = answer.json()["data"]["attributes"]
    assert attributes["status"] in ("queued", "in-progress", "completed") and isinstance(attributes["date"], int)
    assert len(attributes["stats"]) == 8 and isinstance(attributes["results"], dict)
    assert set(answer.json()["meta"]["file_info"]) == {"sha256", "sha1", "md5", "size"}
    assert answer.json()["data"]["links"]["item"].startswith(f"{server.url}/api/v3/files/")
    server.analysis(analysis)


def test_an_analysis_id_is_read_in_every_spelling_that_clients_send(server):
    """base64("md5:time") may end in `=`, which some send as %3D and some as it is; `f-<sha256>-<time>` is vt-cli's."""
    found = server.analysis(server.upload(unique("padding")))
    analysis = found["data"]["id"]
    assert re.fullmatch(r"[A-Za-z0-9_=+/-]+", analysis)
    assert server.get(f"/analyses/{analysis.replace('=', '%3D').replace('+', '%2B')}").status_code == 200
    alias = f"f-{found['meta']['file_info']['sha256']}-{found['data']['attributes']['date']}"
    answer = server.get(f"/analyses/{alias}")
    assert answer.status_code == 200 and answer.json()["data"]["attributes"]["status"] == "completed"


def test_dates_are_whole_numbers_and_names_do_not_clash(server, malware):
    analysis = server.get(f"/files/{malware['id']}/analyses").json()["data"][0]
    user = server.get(f"/users/{server.operator_key}").json()["data"]
    for item in (malware, analysis, user):
        attributes = item["attributes"]
        dates = {name: value for name, value in attributes.items() if re.fullmatch(r".+_date|date|last_login|user_since", name)}
        assert dates and all(type(value) is int for value in dates.values()), dates
        assert not {"id", "type", "error", "relationships", "context_attributes", "get", "to_dict"} & set(attributes)


def test_a_key_in_a_path_never_comes_back_in_a_link(server, premium):
    answer = server.get(f"/users/{premium}", key=premium)
    assert answer.status_code == 200 and premium not in answer.text


def test_header_names_may_have_any_case(server, malware):
    for name in ("x-apikey", "X-Apikey", "X-APIKEY"):
        answer = exchange(server.port, request("GET", f"/api/v3/files/{malware['id']}", {name: server.operator_key}))
        assert answer.status == 200


def test_each_answer_names_its_request(server):
    answer = server.get("/metadata")
    assert answer.headers.get("x-request-id")
    assert answer.headers["x-request-id"] != server.get("/metadata").headers["x-request-id"]


def test_health_and_metrics_need_no_key(server):
    assert server.get(f"{server.url}/healthz", key=None).status_code == 200
    metrics = server.get(f"{server.url}/metrics", key=None)
    assert metrics.status_code == 200 and metrics.headers["content-type"].startswith("text/plain")
    assert re.search(r"^[a-z_]+(\{.*\})? [0-9.e+-]+$", metrics.text, re.MULTILINE)
    assert server.operator_key not in metrics.text
