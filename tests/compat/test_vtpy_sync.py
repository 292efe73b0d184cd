"""vt-py as it comes from its registry, synchronous: all a user changes is the host and the key."""

import datetime
import io
import time

import pytest
import vt
from vt.utils import make_sync

from samples import eicar, sha256, unique, unique_malware

STATS = {
    "malicious", "suspicious", "undetected", "harmless", "timeout", "confirmed-timeout", "failure", "type-unsupported",
}


def completed(client: vt.Client, analysis: vt.Object, within: float = 60) -> vt.Object:
    """Polls as vt-py does, but every tenth of a second instead of every 20 s."""
    deadline = time.monotonic() + within
    while (analysis := client.get_object("/analyses/{}", analysis.id)).status != "completed":
        assert time.monotonic() < deadline, f"{analysis.id} is {analysis.status} after {within} s"
        time.sleep(0.1)
    return analysis


def scan(client: vt.Client, content: bytes, name: str = "sample.bin") -> vt.Object:
    """Uploads from memory under a name and answers the completed analysis."""
    file = io.BytesIO(content)
    file.name = name
    return completed(client, client.scan_file(file))


def test_a_file_is_scanned_and_its_report_read(client, tmp_path):
    content = unique_malware()
    path = tmp_path / "a sample.com"
    path.write_bytes(content)
    with path.open("rb") as file:
        analysis = client.scan_file(file)
    assert (analysis.type, len(analysis.id) > 20) == ("analysis", True)

    analysis = completed(client, analysis)
    assert set(analysis.stats) == STATS and analysis.stats["malicious"] >= 1
    assert isinstance(analysis.date, datetime.datetime)
    found = [result for result in analysis.results.values() if result["category"] == "malicious"]
    assert found and all(result["engine_name"] and result["result"] for result in found)

    report = client.get_object("/files/{}", sha256(content))
    assert (report.type, report.id, report.sha256) == ("file", sha256(content), sha256(content))
    assert report.size == len(content)
    assert set(report.last_analysis_stats) == STATS and report.last_analysis_stats["malicious"] >= 1
    assert sum(report.last_analysis_stats.values()) == len(report.last_analysis_results)
    assert report.times_submitted == 1
    assert any(name.endswith("a sample.com") for name in report.names)
    now = datetime.datetime.now(datetime.timezone.utc)
    for date in ("first_submission_date", "last_submission_date", "last_analysis_date", "last_modification_date"):
        assert abs((now - getattr(report, date)).total_seconds()) < 300, date
    assert report.get("no_such_attribute", "default") == "default"
    assert report.to_dict()["attributes"]["md5"] == report.md5


def test_a_file_is_found_by_each_of_its_hashes(client, malware):
    for name in ("md5", "sha1", "sha256"):
        digest = malware["attributes"][name]
        assert client.get_object("/files/{}", digest).id == malware["id"]
        assert client.get_object("/files/{}", digest.upper()).id == malware["id"]


def test_a_known_file_is_scanned_with_wait(client, malware, server, tmp_path):
    """The client asks at once and then every 20 s: an analysis of a small file is completed by the second time."""
    content = server.get(f"/files/{malware['id']}/download").content
    path = tmp_path / "again.com"
    path.write_bytes(content)
    with path.open("rb") as file:
        analysis = client.scan_file(file, wait_for_completion=True)
    assert analysis.status == "completed" and analysis.stats["malicious"] >= 1


def test_a_large_file_goes_by_the_upload_address(client):
    content = unique("large", 40 << 20)
    analysis = scan(client, content, "large.bin")
    assert sum(analysis.stats.values()) > 0
    report = client.get_object("/files/{}", sha256(content))
    assert report.size == 40 << 20


def test_the_upload_address_is_ours_and_serves_once(client, server):
    address = client.get_data("/files/upload_url")
    assert address.startswith(f"{server.url}/api/v3/") and "{" not in address and "}" not in address
    first = server.post(address, files={"file": ("a.txt", unique())})
    assert first.status_code == 200 and first.json()["data"]["type"] == "analysis"
    second = server.post(address, files={"file": ("a.txt", unique())})
    assert 400 <= second.status_code < 500 and second.json()["error"]["code"]


def test_an_iterator_walks_all_pages_and_resumes_where_it_was_left(client, submitted_often):
    path = "/files/{}/submissions".format(submitted_often)
    whole = [item.id for item in client.iterator(path, batch_size=3)]
    assert len(whole) == len(set(whole)) == 7
    assert [item.id for item in client.iterator(path)] == whole
    assert [item.id for item in client.iterator(path, batch_size=2, limit=5)] == whole[:5]

    # At the end of a page: in the middle of one vt-py's own cursor already names the next.
    first = client.iterator(path, batch_size=3)
    begun = [next(first).id for _ in range(3)]
    rest = [item.id for item in client.iterator(path, cursor=first.cursor, batch_size=3)]
    assert begun + rest == whole


def test_an_iterator_over_the_analyses_of_a_file_has_whole_objects(client, submitted_often):
    iterator = client.iterator("/files/{}/analyses".format(submitted_often), batch_size=2)
    analyses = list(iterator)
    assert len(analyses) >= 3 and len({analysis.id for analysis in analyses}) == len(analyses)
    dates = [analysis.date for analysis in analyses]
    assert dates == sorted(dates, reverse=True)
    assert all(analysis.status == "completed" for analysis in analyses)
    assert iterator.meta["count"] == len(analyses)


def test_descriptors_have_an_identity_only(client, submitted_often):
    for item in client.iterator("/files/{}/relationships/submissions".format(submitted_often), limit=3):
        assert item.type == "submission" and item.to_dict()["attributes"] == {}


def test_relationships_asked_for_are_always_there_with_data(client, submitted_often, malware):
    for file in (submitted_often, malware["id"]):
        report = client.get_object("/files/{}", file, params={"relationships": "submissions,analyses"})
        assert set(report.relationships) == {"submissions", "analyses"}
        for relationship in report.relationships.values():
            assert relationship["data"] and all(item["id"] for item in relationship["data"])


def test_an_analysis_leads_to_its_file(client, submitted_often):
    analysis = next(client.iterator("/files/{}/analyses".format(submitted_often), limit=1))
    assert client.get_object("/analyses/{}/item", analysis.id).id == submitted_often
    assert client.get_data("/analyses/{}/relationships/item", analysis.id)["id"] == submitted_often
    document = client.get_json("/analyses/{}", analysis.id)
    assert document["meta"]["file_info"]["sha256"] == submitted_often


def test_analyse_again_keeps_the_history(client, server):
    content = unique_malware()
    first = scan(client, content)
    answer = client.post("/files/{}/analyse".format(sha256(content)), data='{"data": {}}')
    again = answer.json()["data"]
    assert answer.status == 200 and again["type"] == "analysis" and again["id"] != first.id
    completed(client, vt.Object("analysis", again["id"]))
    history = [item.id for item in client.iterator("/files/{}/analyses".format(sha256(content)))]
    assert history == [again["id"], first.id]
    report = client.get_object("/files/{}", sha256(content))
    assert report.times_submitted == 1, "analysing again is no submission"


def test_a_file_is_downloaded_as_it_was(client):
    content = unique("download", 300_000)
    scan(client, content)
    copy = io.BytesIO()
    client.download_file(sha256(content), copy)
    assert copy.getvalue() == content
    address = client.get_data("/files/{}/download_url", sha256(content))
    response = client.get(address)
    assert response.status == 200 and response.read() == content


def test_the_metadata_has_all_that_clients_build_from(client):
    metadata = client.get_data("/metadata")
    assert metadata["engines"] and all(isinstance(engine, dict) for engine in metadata["engines"].values())
    assert "downloads-tier-1" in metadata["privileges"]
    relationships = metadata["relationships"]
    assert {"file", "url", "domain", "ip_address", "collection", "monitor_item"} <= set(relationships)
    assert {"analyses", "submissions"} <= {row["name"] for row in relationships["file"]}
    assert all(row["name"] and row["description"] for rows in relationships.values() for row in rows)


def test_an_account_sees_itself_and_its_quotas(client, premium, server):
    user = client.get_object("/users/{}", "premium-of-all-tests")
    assert (user.type, user.id, user.status) == ("user", "premium-of-all-tests", "active")
    assert isinstance(user.user_since, datetime.datetime)
    assert client.get_object("/users/{}", premium).id == user.id
    quotas = client.get_data("/users/{}/overall_quotas", user.id)
    assert len(quotas) == 19
    assert all({"allowed", "used"} <= set(quota["user"]) for quota in quotas.values())


@pytest.mark.parametrize("key, code", [
    ("0" * 64, "WrongCredentialsError"),
    ("not a key", "WrongCredentialsError"),
])
def test_a_wrong_key_is_told(server, malware, key, code):
    with vt.Client(key, host=server.url) as client, pytest.raises(vt.APIError) as caught:
        client.get_object("/files/{}", malware["id"])
    assert caught.value.code == code and caught.value.message.startswith("Wrong API key")


def test_no_key_is_told(server, malware):
    # vt-py cannot be made without a key, so the header is replaced by nothing at all.
    with vt.Client("x", host=server.url) as client:
        client._get_session().headers.pop("X-Apikey")  # pylint: disable=protected-access
        with pytest.raises(vt.APIError) as caught:
            client.get_object("/files/{}", malware["id"])
    assert (caught.value.code, caught.value.message) == ("AuthenticationRequiredError", "X-Apikey header is missing")


@pytest.mark.parametrize("path, code", [
    ("/files/" + "0" * 64, "NotFoundError"),
    ("/files/" + "0" * 32, "NotFoundError"),
    ("/files/nothexatall", "InvalidArgumentError|BadRequestError"),
    ("/files/" + "0" * 63, "InvalidArgumentError|BadRequestError"),
    ("/analyses/nonsense", "NotFoundError|InvalidArgumentError|BadRequestError"),
    ("/no/such/endpoint", "NotFoundError"),
    ("/users/nobody-of-that-name", "NotFoundError"),
])
def test_errors_have_their_code(client, path, code):
    with pytest.raises(vt.APIError) as caught:
        client.get_object(path)
    assert caught.value.code in code.split("|")
    assert caught.value.message


def test_not_found_names_what_was_sought(client):
    with pytest.raises(vt.APIError) as caught:
        client.get_object("/files/{}", "0" * 64)
    assert caught.value.message == 'File "{}" not found'.format("0" * 64)


def test_a_cursor_that_is_none_is_told(client, submitted_often):
    path = "/files/{}/submissions".format(submitted_often)
    with pytest.raises(vt.APIError) as caught:
        next(client.iterator(path, cursor="nonsense-0"))
    assert caught.value.code in ("InvalidArgumentError", "BadRequestError")


def test_methods_that_an_endpoint_has_not_end_in_a_client_error(client, malware):
    for response in (client.delete("/files/{}", malware["id"]), client.patch("/files/{}", malware["id"])):
        error = make_sync(client.get_error_async(response))
        assert isinstance(error, vt.APIError) and error.code == "BadRequestError"


def test_the_public_tier_has_four_requests_a_minute_and_no_downloads(server, public, malware):
    with vt.Client(public, host=server.url) as client:
        for path in ("/files/{}/download", "/files/{}/download_url", "/files/{}/analyses"):
            with pytest.raises(vt.APIError) as caught:
                client.get_json(path, malware["id"])
            assert caught.value.code == "ForbiddenError", path
        # What was refused has cost nothing.
        for _ in range(4):
            client.get_object("/files/{}", malware["id"])
        with pytest.raises(vt.APIError) as caught:
            client.get_object("/files/{}", malware["id"])
        assert caught.value.code == "QuotaExceededError" and "minute" in caught.value.message
        # What is free stays free.
        assert client.get_data("/users/{}/overall_quotas", public)["api_requests_daily"]["user"]["used"] == 4


def test_the_public_tier_scans_new_files_for_nothing(server, public):
    with vt.Client(public, host=server.url) as client:
        for _ in range(6):
            client.scan_file(io.BytesIO(unique()))
        scan(client, eicar() + unique("public"))
        quotas = client.get_data("/users/{}/overall_quotas", public)
        assert quotas["api_requests_daily"]["user"]["used"] <= 1


def test_the_public_tier_gets_the_basic_report(server, public, malware):
    with vt.Client(public, host=server.url) as client:
        report = client.get_object("/files/{}", malware["id"], params={"relationships": "analyses"})
        assert report.last_analysis_stats["malicious"] >= 1 and report.md5
        # A relationship that the key may not see is empty rather than absent: vt-go cannot decode it otherwise.
        assert report.relationships.get("analyses", {"data": []})["data"] == []
