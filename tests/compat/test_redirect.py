"""A client that has www.virustotal.com built in, in a network of its own: a hosts entry and an authority lead it to Assay."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest
import trustme

from assay import ROOT, binary, environment
from samples import sha256, unique

# As a tool in the field has it: no setting for the host.
CLIENT = """
import sys, time, requests
HOST = "https://www.virustotal.com/api/v3"
key, path, digest = sys.argv[1:]
session = requests.Session()
session.headers["x-apikey"] = key
with open(path, "rb") as file:
    made = session.post(f"{HOST}/files", files={"file": file}, timeout=30)
made.raise_for_status()
analysis = made.json()["data"]["id"]
while session.get(f"{HOST}/analyses/{analysis}", timeout=30).json()["data"]["attributes"]["status"] != "completed":
    time.sleep(0.1)
report = session.get(f"{HOST}/files/{digest}", timeout=30).json()["data"]
assert report["id"] == digest and report["links"]["self"] == f"{HOST}/files/{digest}", report["links"]
print("led to Assay")
"""

# Everything in one namespace of network and mounts: nothing of it is seen outside.
INSIDE = """
set -e
ip link set lo up
mount --bind "$1/hosts" /etc/hosts
"$2" serve --data "$1/data" --listen 127.0.0.1:443 --tls "$1/vt.pem,$1/vt.key" --key-file "$1/operator.key" > "$1/server.log" 2>&1 &
server=$!
trap 'kill $server; wait $server || true' EXIT
for _ in $(seq 300); do [ -s "$1/operator.key" ] && (exec 3<>/dev/tcp/127.0.0.1/443) 2>/dev/null && break; sleep 0.1; done
"$3" "$1/client.py" "$(cat "$1/operator.key")" "$1/sample" "$4"
"""


@pytest.fixture
def namespaces():
    """Whether namespaces can be made here; in CI their absence is a failure."""
    if subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False).returncode != 0 or not shutil.which("ip"):
        if os.environ.get("CI", "false") not in ("", "false"):
            pytest.fail("namespaces cannot be made here")
        pytest.skip("namespaces cannot be made here")


def run_inside(folder: pathlib.Path, trusts: bool) -> subprocess.CompletedProcess:
    """The client in its network."""
    authority = trustme.CA()
    certificate = authority.issue_cert("www.virustotal.com")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "vt.key"))
    (folder / "vt.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    (folder / "hosts").write_text("127.0.0.1 localhost www.virustotal.com\n")
    (folder / "client.py").write_text(CLIENT)
    content = unique("redirect")
    (folder / "sample").write_bytes(content)
    trusted = {"REQUESTS_CA_BUNDLE": str(folder / "ca.pem")} if trusts else {}
    command = ["unshare", "--net", "--mount", "bash", "-c", INSIDE, "inside", folder, binary(), sys.executable, sha256(content)]
    return subprocess.run(
        [str(word) for word in command], env=environment(**trusted), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_tool_with_the_host_built_in_is_led_here_by_hosts_and_authority(tmp_path, namespaces):
    done = run_inside(tmp_path, trusts=True)
    assert done.returncode == 0 and "led to Assay" in done.stdout, done.stderr + (tmp_path / "server.log").read_text()


def test_without_the_authority_it_is_not(tmp_path, namespaces):
    done = run_inside(tmp_path, trusts=False)
    assert done.returncode != 0 and "CERTIFICATE_VERIFY_FAILED" in done.stderr, done.stderr
