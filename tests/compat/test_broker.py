"""A broker in front of an Assay that plays VirusTotal: the contract is used once, rotated and ended. That clients cannot tell
them apart is looked at in test_broker_diff.py."""

import concurrent.futures
import json
import pathlib
import resource
import signal
import threading
import time

import pytest
import vt

from assay import ROOT, Server, run
from original import Original, add, files_that_hold, report
from samples import unique, unique_malware


@pytest.fixture
def broker(tmp_path, original):
    """A broker with a contract, and an account of a person with every privilege but the operator's."""
    server = Server(tmp_path)
    server.start()
    add(server, original.server.url, original.accounts[0])
    server.person = server.account("person", "premium")
    yield server
    if server.process is not None:
        server.kill9()


def test_vt_py_reads_everything_through_the_broker(original, broker):
    document = original.server.scan(unique_malware(), "malware.zip")
    for number in range(4):
        original.server.analysis(original.server.upload(unique_malware(), f"again-{number}.zip"))
    with vt.Client(original.accounts[1], host=original.server.url) as there, vt.Client(broker.person, host=broker.url) as here:
        one, other = there.get_object("/files/{}", document["id"]), here.get_object("/files/{}", document["id"])
        assert one.to_dict()["attributes"] == other.to_dict()["attributes"]
        lists = [
            [item.id for item in client.iterator("/files/{}/submissions", document["id"], batch_size=1)]
            for client in (there, here)
        ]
        assert lists[0] == lists[1] and lists[0]
        with pytest.raises(vt.APIError) as refused:
            here.get_object("/files/{}", "0" * 64)
        assert refused.value.code == "NotFoundError"


def test_what_was_asked_once_costs_once(original, broker):
    document = original.server.scan(unique(), "once.txt")
    before = original.used()
    first = broker.get(f"/files/{document['id']}", broker.person)
    assert first.headers["age"] == "0" and first.json()["meta"]["assay"]["origin"] == "upstream"
    assert first.json()["meta"]["assay"]["permalink"].endswith(f"/gui/file/{document['id']}")
    for _ in range(50):
        assert broker.get(f"/files/{document['id']}", broker.person).status_code == 200
        assert broker.get(f"/files/{document['attributes']['md5']}", broker.person).status_code == 200
    # The MD5 names the file anew once: nobody had said here what file it is.
    assert original.used() - before <= 2
    broker.restart()
    assert broker.get(f"/files/{document['id']}", broker.person).status_code == 200
    assert original.used() - before <= 2
    told = report(broker)
    assert told["total"]["asked"] == 102 and told["total"]["upstream"] <= 2
    assert told["accounts"]["person"]["asked"] == 102 and told["saved"] >= 100
    shown = run("upstream", "report", "--data", broker.data).stdout.decode()
    assert "102 questions" in shown and "█" in shown


def test_a_thousand_equal_questions_at_once_are_one_call(original, broker):
    document = original.server.scan(unique(), "crowd.txt")
    before, barrier = original.used(), threading.Barrier(64)

    def ask(_):
        barrier.wait()
        return [broker.get(f"/files/{document['id']}").status_code for _ in range(16)]

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        answers = sum(pool.map(ask, range(64)), [])
    assert set(answers) == {200} and len(answers) == 1024
    assert original.used() - before == 1


def test_two_brokers_on_one_store_ask_once(original, tmp_path, databases):
    from test_nodes import Nodes

    nodes = Nodes(tmp_path, databases())
    try:
        body = {"host": original.server.url, "key": original.accounts[0]}
        body = {"data": {"type": "upstream", "id": "vt", "attributes": body}}
        assert nodes.first.post("/upstreams", json=body).status_code == 200
        time.sleep(1.5)
        documents = [original.server.scan(unique(), f"both-{number}.txt") for number in range(3)]
        key = nodes.first.operator_key
        for document in documents:
            before, barrier = original.used(), threading.Barrier(64)

            def ask(number, document=document, barrier=barrier):
                node = (nodes.first, nodes.second)[number % 2]
                barrier.wait()
                return [node.get(f"/files/{document['id']}", key).status_code for _ in range(16)]

            with concurrent.futures.ThreadPoolExecutor(64) as pool:
                answers = sum(pool.map(ask, range(64)), [])
            assert set(answers) == {200}
            assert original.used() - before == 1
    finally:
        nodes.stop()


def test_the_contract_is_never_overspent_and_old_answers_stay(tmp_path):
    vt_server, here = Server(tmp_path / "original"), Server(tmp_path / "broker")
    (tmp_path / "original").mkdir(), (tmp_path / "broker").mkdir()
    vt_server.start(), here.start()
    try:
        played = Original(vt_server, day=30)
        add(here, vt_server.url, played.accounts[0])
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda number: here.get(f"/files/{number:064x}"), range(200)))
        codes = [answer.status_code for answer in answers]
        assert codes.count(404) == 30 and codes.count(429) == 170, codes
        assert played.used() == 30
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.json()["error"]["code"] == "QuotaExceededError" and int(refused.headers["retry-after"]) >= 1
        # Not one of them was let through to be refused there.
        assert report(here)["total"]["upstream"] == 30
        # Killed and started again it knows what it has spent.
        here.kill9()
        here.start()
        assert here.get(f"/files/{'f' * 64}").status_code == 429
        assert played.used() == 30
    finally:
        vt_server.kill9(), here.kill9()


def test_a_key_is_rotated_without_a_lost_request_and_shown_nowhere(original, broker, tmp_path):
    old, new = original.accounts
    over, outcomes = threading.Event(), []

    def ask(number):
        count = 0
        while not over.is_set():
            count += 1
            outcomes.append(broker.get(f"/files/{number:032x}{count:032x}").status_code)

    output = []

    def command(*arguments, stdin=b"", fine=True):
        done = run("upstream", *arguments, "--data", broker.data, stdin=stdin)
        output.append(done.stdout + done.stderr)
        assert (done.returncode == 0) == fine, done.stderr.decode()
        return done.stdout.decode()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        running = [pool.submit(ask, number) for number in range(8)]
        time.sleep(0.5)
        rehearsal = command("rotate", "vt", "--key-stdin", "--dry-run", stdin=new.encode())
        assert "nothing was changed" in rehearsal
        assert len(json.loads(command("show", "vt", "--format", "json"))["keys"]) == 1
        turned = command("rotate", "vt", "--key-stdin", stdin=new.encode())
        assert "in use from now on" in turned and "--remove" in turned
        time.sleep(1.5)
        # The old key is dead from here on, and nobody notices.
        keys = original.server.get("/users/one/api_keys").json()["data"]
        for key in keys:
            assert original.server.post(f"/api_keys/{key['id']}/revoke").status_code == 200
        time.sleep(1)
        over.set()
        [task.result() for task in running]
    assert set(outcomes) == {404}, {code: outcomes.count(code) for code in set(outcomes)}
    keys = json.loads(command("show", "vt", "--format", "json"))["keys"]
    assert [key["state"] for key in keys] == ["draining", "active"]
    stranger = original.account(f"stranger-{time.time_ns()}", "rivals")
    refused = run("upstream", "rotate", "vt", "--data", broker.data, stdin=stranger.encode())
    assert refused.returncode == 2 and b"another group" in refused.stderr, refused.stderr
    command("list")
    command("report")
    output += [refused.stdout, refused.stderr, broker.session.get(f"{broker.url}/metrics").content]
    run("upstream", "add", "typed", "--host", "https://x.example", "--key", new, "--data", broker.data)
    assert broker.stop() == 0
    needles = (old, new, stranger)
    assert files_that_hold(broker.folder, *needles) == []
    assert not [needle for needle in needles for text in output if needle.encode() in text]
    # Leave the module's original as it was.
    original.accounts[0] = original.server.new_key("one")


def test_a_dead_key_is_replaced_by_the_staged_one_in_the_middle_of_a_burst(original, broker):
    staged = run("upstream", "rotate", "vt", "--stage", "--data", broker.data, stdin=original.accounts[1].encode())
    assert staged.returncode == 0 and b"staged" in staged.stdout, staged.stderr
    time.sleep(1.2)
    outcomes = []

    def ask(number):
        for count in range(60):
            outcomes.append(broker.get(f"/files/{number:032x}{count:032x}").status_code)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        running = [pool.submit(ask, number) for number in range(100, 108)]
        time.sleep(0.3)
        for key in original.server.get("/users/one/api_keys").json()["data"]:
            original.server.post(f"/api_keys/{key['id']}/revoke")
        [task.result() for task in running]
    assert set(outcomes) == {404}
    shown = json.loads(run("upstream", "show", "vt", "--data", broker.data, "--format", "json").stdout)
    assert [key["state"] for key in shown["keys"]] == ["refused", "active"]
    log = run("audit", "list", "--action", "REFUSE_UPSTREAM_KEY", "--data", broker.data, "--format", "json")
    assert len(json.loads(log.stdout)) == 1, log.stdout
    original.accounts[0] = original.server.new_key("one")


def test_a_core_file_holds_no_key(original, tmp_path):
    """Where the kernel hands core files to a program instead, the filter alone says that it gets no memory."""
    server = Server(tmp_path)
    server.cwd = tmp_path
    server.start()
    add(server, original.server.url, original.accounts[0])
    assert server.get(f"/files/{'a' * 64}").status_code == 404
    process, server.process = server.process, None
    assert int(pathlib.Path(f"/proc/{process.pid}/coredump_filter").read_text(), 16) == 0
    resource.prlimit(process.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    process.send_signal(signal.SIGABRT)
    assert process.wait(30) == -signal.SIGABRT
    assert files_that_hold(tmp_path, original.accounts[0]) == []


def test_a_contract_ends_with_all_that_it_has_brought(original, broker):
    document = original.server.scan(unique(), "gone.txt")
    assert broker.get(f"/files/{document['id']}", broker.person).status_code == 200
    asked = run("upstream", "end", "vt", "--data", broker.data)
    assert asked.returncode == 2 and b"--yes" in asked.stderr
    ended = run("upstream", "end", "vt", "--yes", "--data", broker.data)
    assert ended.returncode == 0 and b"1 answers removed" in ended.stdout, ended.stderr
    deadline = time.monotonic() + 2
    while broker.get(f"/files/{document['id']}", broker.person).status_code != 404:
        assert time.monotonic() < deadline
    assert broker.stop() == 0
    assert files_that_hold(broker.data, document["attributes"]["sha256"]) in ([], [str(broker.data / "assay.sqlite")])


def test_every_brokered_route_is_401_without_a_key(original, broker):
    paths = json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text())["paths"]
    swept = 0
    for path, methods in paths.items():
        if "get" in methods and path.startswith(("/api/v3/files/{id}", "/api/v3/upstreams")):
            answer = broker.get(path.removeprefix("/api/v3").replace("{id}", "0" * 64), None)
            assert answer.status_code == 401, path
            swept += 1
    assert swept > 100
    assert report(broker)["total"]["asked"] == 0
