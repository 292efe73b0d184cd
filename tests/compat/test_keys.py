"""Keys: what is wrong with one is said, and nothing is read or spent before one was shown."""

import time

import pytest

from samples import unique
from wire import exchange, request


def message(server, key: str) -> str:
    """What the server says about a wrong key."""
    answer = exchange(server.port, request("GET", "/api/v3/metadata", {"x-apikey": key}))
    assert answer.status == 401, answer
    assert b'"WrongCredentialsError"' in answer.body
    return answer.body.decode()


def test_a_mistake_in_a_key_is_named(server, operator):
    typo = operator[:20] + ("0" if operator[20] != "0" else "1") + operator[21:]
    assert "62 of 64" in message(server, operator[:62])
    assert "65 of 64" in message(server, operator + "0")
    assert "upper" in message(server, operator.upper())
    assert "typo" in message(server, typo)
    assert "quotation" in message(server, f'"{operator}"')
    assert "hexadecimal" in message(server, "x" * 64)


def test_an_answer_to_a_wrong_key_does_not_repeat_it(server, operator):
    assert operator[16:56] not in message(server, operator[:62]) + message(server, f'"{operator}"')


def test_blanks_around_a_header_are_no_part_of_it(server, operator):
    answer = exchange(server.port, request("GET", "/api/v3/metadata", {"x-apikey": f"  {operator}  "}))
    assert answer.status == 200


def test_without_a_key_nothing_is_told(server, malware):
    paths = (
        f"/files/{malware['id']}", "/files/" + "0" * 64, "/files/nonsense", "/metadata", "/files/upload_url",
        f"/files/{malware['id']}/download", "/analyses/x", "/users/nobody",
    )
    for path in paths:
        answer = server.get(path, None)
        assert answer.status_code == 401, path
        assert answer.json()["error"] == {"code": "AuthenticationRequiredError", "message": "X-Apikey header is missing"}


def test_a_key_in_the_query_is_not_accepted(server, operator):
    for name in ("apikey", "x-apikey", "key"):
        assert server.get(f"/metadata?{name}={operator}", None).status_code == 401


@pytest.mark.parametrize("headers", [{}, {"x-apikey": "0" * 64}])
def test_nobody_without_a_key_makes_the_server_read_a_body(server, headers):
    announced = {"Content-Length": str(600 << 20), "Content-Type": "multipart/form-data; boundary=b"} | headers
    for more in ({}, {"Expect": "100-continue"}):
        began = time.monotonic()
        answer = exchange(server.port, request("POST", "/api/v3/files", announced | more))
        assert answer.status == 401 and time.monotonic() - began < 5


def test_the_log_holds_no_key(server, premium):
    server.get(f"/users/{premium}", premium)
    server.get(f"/users/{premium}/overall_quotas", premium)
    server.get(f"/metadata?apikey={premium}", None)
    server.get(f"{server.url}/vtapi/v2/file/report?apikey={premium}&resource={'0' * 32}", None)
    log = server.log_tail(1 << 30)
    for key in (premium, server.operator_key):
        assert key[16:56] not in log


def test_a_new_key_works_at_once_beside_the_old_one(server):
    first = server.account("two-keys", "premium")
    second = server.new_key("two-keys")
    assert first != second
    for key in (first, second):
        assert server.get("/metadata", key).status_code == 200
        assert server.get(f"/users/{key}", key).json()["data"]["id"] == "two-keys"


def test_over_the_limit_the_answer_says_which_window_and_when_it_opens(server, public, malware):
    answers = [server.get(f"/files/{malware['id']}", public) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    error = answers[-1].json()["error"]
    assert error["code"] == "QuotaExceededError" and "minute" in error["message"] and "4" in error["message"]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    # The third request is still told what is left.
    assert "ratelimit" in answers[2].headers and "ratelimit-policy" in answers[2].headers


def test_the_window_opens_when_the_answer_said(server, public, malware):
    for _ in range(4):
        assert server.get(f"/files/{malware['id']}", public).status_code == 200
    refused = server.get(f"/files/{malware['id']}", public)
    wait = int(refused.headers["retry-after"])
    assert wait <= 16, "four a minute: one each quarter of a minute"
    time.sleep(wait)
    assert server.get(f"/files/{malware['id']}", public).status_code == 200


def test_a_refused_or_malformed_request_costs_nothing(server, public):
    for _ in range(8):
        assert server.get("/files/nonsense", public).status_code == 400
        assert server.get(f"/files/{'0' * 64}/download", public).status_code == 403
        assert server.post("/files", public, data={"no": "file"}).status_code == 400
    quotas = server.get(f"/users/{public}/overall_quotas", public).json()["data"]
    assert quotas["api_requests_daily"]["user"]["used"] == 0


def test_an_unknown_file_costs_a_request(server, public):
    assert server.get(f"/files/{unique().hex()[:64]}", public).status_code == 404
    quotas = server.get(f"/users/{public}/overall_quotas", public).json()["data"]
    assert quotas["api_requests_daily"]["user"] == {"allowed": 500, "used": 1}
    assert quotas["api_requests_hourly"]["user"]["allowed"] == 240
    assert quotas["api_requests_monthly"]["user"] == {"allowed": 15500, "used": 1}


def test_an_account_does_not_see_into_another(server, public, premium):
    for path in ("/users/premium-of-all-tests/overall_quotas", f"/users/{premium}", f"/users/{premium}/overall_quotas"):
        assert server.get(path, public).status_code in (403, 404), path
    other = server.get("/users/premium-of-all-tests", public)
    assert other.status_code in (200, 403, 404)
    if other.status_code == 200:
        assert not {"apikey", "email", "quotas", "privileges"} & set(other.json()["data"]["attributes"])
