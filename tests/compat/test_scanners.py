"""The patterns of docs/scanners, each in the scanner that it is for, or in the engine that this scanner has."""

import json
import pathlib
import secrets
import subprocess
import sys
import tomllib
import zlib

import hyperscan
import pytest
import re2
import yaml

from assay import ROOT, run

SCANNERS = ROOT / "docs" / "scanners"


def assay_key() -> str:
    """A key as Assay makes them."""
    body = bytes.fromhex("a55a") + secrets.token_bytes(26)
    return (body + zlib.crc32(body).to_bytes(4, "big")).hex()


KEY, OTHER = assay_key(), assay_key()

# What a file holds, and the keys that a scanner has to see in it.
CASES = {
    "alone": (KEY, [KEY]),
    "quoted": (f'VT_API_KEY="{KEY}"\n', [KEY]),
    "yaml": (f"apikey: {KEY}\n", [KEY]),
    "url": (f"https://host/vtapi/v2/file/report?apikey={KEY}&resource=1", [KEY]),
    "two": (f"{KEY},{OTHER}\n", [KEY, OTHER]),
    "header": (f"curl -H 'x-apikey: {KEY}' https://host", [KEY]),
    "sha256": (f"{'0' * 4}{KEY[4:]}\n", []),
    "longer": (f"{KEY}0\n", []),
    "inside": (f"0{KEY}\n", []),
    "short": (f"{KEY[:63]}\n", []),
}


@pytest.fixture(params=CASES)
def case(request, tmp_path) -> tuple[pathlib.Path, list[str]]:
    """A file, and the keys in it."""
    text, keys = CASES[request.param]
    path = tmp_path / "file.txt"
    path.write_text(text)
    return path, sorted(keys)


def test_gitleaks_finds_keys_and_nothing_else(case):
    """The real gitleaks, which a package of the registry brings along."""
    path, keys = case
    binary = pathlib.Path(sys.executable).with_name("gitleaks")
    command = [str(binary), "dir", str(path), "--config", str(SCANNERS / "gitleaks.toml"), "--no-banner", "--report-format", "json",
               "--report-path", "-", "--exit-code", "7", "--log-level", "error"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == (7 if keys else 0), done.stderr.decode()
    found = [finding["Secret"] for finding in json.loads(done.stdout) if finding["RuleID"] == "assay-api-key"]
    assert sorted(found) == keys


@pytest.mark.parametrize("text, status", [(json.dumps(f"VT:\n{KEY}"), 1), ("a55a" + "0" * 60, 0)], ids=["escaped", "filler"])
def test_gitleaks_finds_a_key_after_an_escaped_line_end_and_no_filler(tmp_path, text, status):
    (tmp_path / "file.json").write_text(text)
    binary = pathlib.Path(sys.executable).with_name("gitleaks")
    command = [str(binary), "dir", str(tmp_path), "--config", str(SCANNERS / "gitleaks.toml"), "--no-banner"]
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == status


def test_trufflehog_s_detector_finds_keys_and_nothing_else(case):
    """TruffleHog's engine is Go's regexp, which is RE2's syntax; its keyword must be in the text, or nothing is looked at."""
    path, keys = case
    (detector,) = yaml.safe_load((SCANNERS / "trufflehog.yaml").read_text())["detectors"]
    (pattern,) = detector["regex"].values()
    text = path.read_text()
    matches = list(re2.finditer(pattern, text))
    assert sorted(match.group(1) for match in matches) == keys
    assert all(match.group(0) == match.group(1) for match in matches), "the whole match is the key"
    assert not keys or all(keyword in text for keyword in detector["keywords"])


def test_github_s_pattern_finds_keys_and_nothing_else(case):
    """GitHub's engine is Hyperscan; the three fields stand behind each other."""
    path, keys = case
    fields = yaml.safe_load((SCANNERS / "github.yaml").read_text())
    text = path.read_bytes()
    pattern = f"(?:{fields['before_secret']})({fields['secret_format']})(?:{fields['after_secret']})"
    database = hyperscan.Database()
    database.compile(expressions=[pattern.encode()], flags=[hyperscan.HS_FLAG_SOM_LEFTMOST])
    found = set()

    def matched(_id, start, end, _flags, _context):
        found.update(key for key in CASE_KEYS if key.encode() in text[start:end])

    database.scan(text, match_event_handler=matched)
    assert sorted(found) == keys


CASE_KEYS = [KEY, OTHER]


def test_all_patterns_look_for_the_same():
    rule = tomllib.loads((SCANNERS / "gitleaks.toml").read_text())["rules"][0]
    detector = yaml.safe_load((SCANNERS / "trufflehog.yaml").read_text())["detectors"][0]
    secret = yaml.safe_load((SCANNERS / "github.yaml").read_text())["secret_format"]
    assert secret in rule["regex"] and secret in detector["regex"]["key"]


def test_the_checker_tells_keys_by_their_checksum(server):
    """Keys of a real server, a typo, and what is shaped alike."""
    typo = KEY[:63] + ("0" if KEY[63] != "0" else "1")
    lines = [server.operator_key, KEY, typo, "a55a" + "0" * 60, "a55a", "z" * 64, ""]
    checked = subprocess.run([sys.executable, str(SCANNERS / "check_key.py")], input="\n".join(lines).encode(), capture_output=True,
                             timeout=30, check=False)
    assert checked.stdout.decode().split() == [server.operator_key[4:16], KEY[4:16]]
    assert checked.returncode == 1


def test_assay_finds_what_the_scanners_find(case):
    path, keys = case
    done = run("key", "find", path, "--format", "json")
    found = json.loads(done.stdout)
    ours = sorted(key[4:16] for key in keys)
    # A key is told by its checksum, so that digits around it hide nothing.
    if path.read_text().strip() in (f"{KEY}0", f"0{KEY}"):
        ours = [KEY[4:16]]
    assert sorted(hit["key_id"] for hit in found if hit["kind"] == "assay") == ours
    assert done.returncode == (1 if found else 0)
