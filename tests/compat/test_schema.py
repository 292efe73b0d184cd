"""schemathesis over the published schema: whatever it thinks of, no 5xx and no answer that the schema does not have."""

import json
import subprocess
import sys

import pytest

from assay import ROOT, Server, environment
from samples import unique_malware

SCHEMA = ROOT / "docs" / "reference" / "openapi.json"
SECONDS = 90
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"

pytestmark = [pytest.mark.schema, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def schema_server(tmp_path_factory):
    """A server of its own: what is thrown at it should disturb nobody."""
    server = Server(tmp_path_factory.mktemp("schema"))
    server.start()
    yield server
    server.stop()


def test_the_schema_is_openapi_and_describes_every_answer():
    schema = json.loads(SCHEMA.read_text())
    assert schema["openapi"].startswith("3.")
    assert schema["paths"]
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if method in ("get", "post", "patch", "delete", "put", "head"):
                assert operation["operationId"] and operation["responses"], f"{method} {path}"
                assert any(status.startswith(("2", "3")) for status in operation["responses"]), f"{method} {path}"


def known_examples(server: Server, folder) -> str:
    """The schema with something that exists as the example of every identifier: otherwise all that is found is 404."""
    report = server.scan(unique_malware())
    analysis = server.get(f"/files/{report['id']}/analyses").json()["data"][0]["id"]
    user = server.get(f"/users/{server.operator_key}").json()["data"]["id"]
    submission = server.get(f"/files/{report['id']}/submissions").json()["data"][0]["id"]
    of = {"files": report["id"], "analyses": analysis, "users": user, "submissions": submission}
    schema = json.loads(SCHEMA.read_text())
    for name, parameter in schema["components"]["parameters"].items():
        collection = name.partition(".")[0]
        if parameter["in"] == "path" and parameter["name"] in ("id", "hash") and collection in of:
            parameter["example"] = of[collection]
    copy = folder / "openapi.json"
    copy.write_text(json.dumps(schema))
    return str(copy)


def test_schemathesis_finds_no_5xx_and_no_undocumented_answer(schema_server, tmp_path):
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", known_examples(schema_server, tmp_path),
        "--url", schema_server.url,
        "--header", f"x-apikey:{schema_server.operator_key}",
        "--phases", "examples,coverage,fuzzing",
        "--checks", CHECKS,
        "--max-examples", "20",
        "--max-time", str(SECONDS),
        "--request-timeout", "20",
        "--suppress-health-check", "all",
        "--seed", "20261123",
        "--generation-database", "none",
        "--warnings", "off",
        "--no-color",
    ]
    # From an empty folder: it keeps notes where it stands.
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, timeout=SECONDS * 4, check=False)
    shown = done.stdout.decode()[-20_000:]
    print(shown)
    assert done.returncode == 0, f"{shown}\n{done.stderr.decode()[-4000:]}"
    assert schema_server.alive()
    log = schema_server.log_tail(1 << 30)
    assert " panicked at " not in log
