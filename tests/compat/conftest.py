"""What the tests share: one server for most of them, accounts on it, and the raw wire."""

import itertools
import os
import subprocess

import pytest
import vt

from assay import Server, binary, environment
from original import Original
from samples import unique_malware
from update_desk import Desk

_NUMBER = itertools.count()


def pytest_addoption(parser):
    """How long clients call while keys rotate."""
    parser.addoption("--soak", type=float, default=20, help="seconds of calls without pause while keys rotate")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server with nothing configured. Shared: a test makes its own files and its own public accounts."""
    server = Server(tmp_path_factory.mktemp("assay"))
    yield server.start()
    log = server.log_tail()
    assert server.stop() == 0, f"SIGTERM must end the server with status 0:\n{log}"


@pytest.fixture
def own_server(tmp_path):
    """A server that a test may do anything to; the test starts it."""
    server = Server(tmp_path)
    yield server
    if server.process is not None:
        server.kill9()


@pytest.fixture(scope="session")
def databases():
    """A PostgreSQL of the tests' own; each call makes a fresh database and answers its URL."""
    program = binary().parent / "assay-test-postgres"
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True)
    first = process.stdout.readline().strip()
    assert first.startswith("postgres"), "PostgreSQL does not start: is the package postgresql installed?"

    def fresh() -> str:
        process.stdin.write("\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    yield fresh
    process.stdin.close()
    process.wait(30)


@pytest.fixture(scope="session")
def operator(server) -> str:
    """A key without limits."""
    return server.operator_key


@pytest.fixture(scope="session")
def premium(server) -> str:
    """A key of the premium tier."""
    return server.account("premium-of-all-tests", "premium")


@pytest.fixture
def public(server) -> str:
    """A key of a fresh account of the public tier: four requests a minute."""
    return server.account(f"public-{next(_NUMBER)}", "public")


@pytest.fixture
def client(server, premium):
    """vt-py as it comes, with a premium key."""
    with vt.Client(premium, host=server.url) as client:
        yield client


@pytest.fixture(scope="session")
def malware(server) -> dict:
    """The report of a file that the built-in rules find."""
    return server.scan(unique_malware(), "malware.zip")


@pytest.fixture(scope="session")
def submitted_often(server) -> str:
    """The SHA-256 of a file with seven submissions and three analyses."""
    content = unique_malware()
    document = server.analysis(server.upload(content, "name-0.zip"))
    sha256 = document["meta"]["file_info"]["sha256"]
    for number in range(1, 7):
        server.analysis(server.upload(content, f"name-{number}.zip"))
    for _ in range(2):
        again = server.post(f"/files/{sha256}/analyse")
        assert again.status_code == 200, again.text
        server.analysis(again.json()["data"]["id"])
    return sha256


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """An Assay that plays VirusTotal, for the tests of one file."""
    server = Server(tmp_path_factory.mktemp("original"))
    server.start()
    yield Original(server)
    server.stop()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 48 MiB in memory. Making one needs root: in CI its absence is a failure."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)], capture_output=True, check=False)
    if mounted.returncode != 0:
        reason = f"a small file system cannot be mounted here: {mounted.stderr.decode().strip()}"
        if os.environ.get("CI", "false") not in ("", "false"):
            pytest.fail(reason)
        pytest.skip(reason)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def desk(server, tmp_path) -> Desk:
    """A fresh account with a folder of its own, for `assay key update`."""
    return Desk(server, tmp_path)
