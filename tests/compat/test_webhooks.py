"""Events reach a receiver, signed as the Standard Webhooks specification says; checked with its own library."""

import http.server
import json
import threading
import time

import pytest
from standardwebhooks import Webhook

from assay import Server


class Receiver:
    """Takes deliveries on a loopback port; answers with the statuses it is given, then 200."""

    def __init__(self, *statuses: int):
        self.taken, answers = [], list(statuses)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                body = handler.rfile.read(int(handler.headers["content-length"]))
                self.taken.append((dict(handler.headers), body))
                handler.send_response(answers.pop(0) if answers else 200)
                handler.send_header("content-length", "0")
                handler.end_headers()

            def log_message(handler, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, count: int, within: float = 20):
        deadline = time.monotonic() + within
        while len(self.taken) < count:
            assert time.monotonic() < deadline, f"{len(self.taken)} of {count} deliveries came"
            time.sleep(0.02)


@pytest.fixture
def house(tmp_path):
    """A server whose webhooks may point to this machine."""
    config = tmp_path / "assay.toml"
    config.write_text('[webhooks]\nallow = ["127.0.0.0/8"]\nallow_http = true\n')
    server = Server(tmp_path, "--config", str(config)).start()
    yield server
    server.stop()


def hook(server, url: str, *events: str) -> tuple[str, str]:
    """Makes a webhook; its id and its secret."""
    body = {"data": {"type": "webhook", "attributes": {"url": url, "events": list(events)}}}
    made = server.post("/webhooks", json=body)
    assert made.status_code == 200, made.text
    return made.json()["data"]["id"], made.json()["data"]["attributes"]["secret"]


def test_an_event_arrives_signed_and_is_tried_again_with_the_same_id(house):
    receiver = Receiver(500)
    webhook, secret = hook(house, receiver.url, "key.created")
    made = house.post("/users/operator/api_keys", json={"data": {"type": "api_key", "attributes": {"label": "x"}}})
    receiver.wait_for(2)
    for headers, body in receiver.taken:
        event = Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})
        assert event["type"] == "key.created" and event["data"]["key_id"] == made.json()["data"]["id"]
    first, second = (dict((k.lower(), v) for k, v in headers.items()) for headers, _ in receiver.taken)
    assert first["webhook-id"] == second["webhook-id"]
    key = made.json()["data"]["attributes"]["key"]
    assert all(key.encode() not in body and key[16:56].encode() not in body for _, body in receiver.taken)
    deadline = time.monotonic() + 5
    while True:
        delivery = house.get(f"/webhooks/{webhook}/deliveries").json()["data"][0]
        if delivery["attributes"]["status"] == "delivered":
            break
        assert time.monotonic() < deadline, delivery
    again = house.post(f"/webhook_deliveries/{delivery['id']}/replay")
    assert again.status_code == 200, again.text
    receiver.wait_for(3)


def test_thresholds_and_rotations_are_told(house):
    receiver = Receiver()
    hook(house, receiver.url)
    key = house.account("watched", "public")
    report = house.scan(b"something to look up", "x.bin")
    body = {"data": {"type": "tier", "attributes": {"limits": {"minute": 1000, "day": 10, "month": 1000}}}}
    assert house.request("PATCH", "/tiers/public", json=body).status_code == 200
    for _ in range(11):
        house.get(f"/files/{report['id']}", key)
    house.post(f"/api_keys/{key[4:16]}/rotate", key, json={"data": {"attributes": {"overlap": 60}}})

    def kinds():
        return [json.loads(body)["type"] for _, body in receiver.taken]

    deadline = time.monotonic() + 15
    while not {"quota.exhausted", "key.rotated"} <= set(kinds()):
        assert time.monotonic() < deadline, kinds()
        time.sleep(0.05)


def test_addresses_of_this_house_are_refused_by_default(server):
    for url in ("https://127.0.0.1/x", "https://localhost/x", "https://10.1.2.3/x", "https://[::1]/x",
                "https://169.254.169.254/latest", "http://example.org/x", "https://a:b@example.org/x", "ftp://x/y", "x"):
        body = {"data": {"type": "webhook", "attributes": {"url": url}}}
        answer = server.post("/webhooks", json=body)
        assert answer.status_code == 400, (url, answer.text)
        assert answer.json()["error"]["message"]
