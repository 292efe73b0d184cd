"""The guide's recipes are run as they stand: docs/guide/keys.md, and the README's walk through a rotation."""

import os
import re
import subprocess
import sys

import pytest

from assay import ROOT, binary, environment, run


def blocks(path, heading: str | None = None) -> list[tuple[str, str]]:
    """The fenced blocks of a page, or of one of its sections: language and text."""
    text = (ROOT / path).read_text()
    if heading:
        text = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def script(language: str, text: str, folder, variables: dict[str, str]) -> subprocess.CompletedProcess:
    """Runs one block in a folder."""
    command = {"sh": ["bash", "-euo", "pipefail", "-c", text], "python": [sys.executable, "-c", text]}[language]
    path = f"{binary().parent}:{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    return subprocess.run(
        command, cwd=folder, env=environment(PATH=path, **variables), capture_output=True, timeout=60, check=False
    )


@pytest.fixture
def team(own_server):
    """A server with the group `soc`, its administrator `chief` and its service account `soc_siem`."""
    own_server.start()
    for path, kind, name, attributes in (
        ("/groups", "group", "soc", {"tier": "premium"}),
        ("/users", "user", "chief", {"email": "chief@soc.example", "group": "soc"}),
    ):
        made = own_server.post(path, json={"data": {"type": kind, "id": name, "attributes": attributes}})
        assert made.status_code == 200, made.text
    for relationship, kind, name in (
        ("administrators", "user", "chief@soc.example"),
        ("service_accounts", "service_account", "siem"),
    ):
        path = f"/groups/soc/relationships/{relationship}"
        made = own_server.post(path, json={"data": [{"type": kind, "id": name}]})
        assert made.status_code == 200, made.text
    return own_server


def variables(server) -> dict[str, str]:
    """What the pages assume."""
    return {
        "ASSAY_SERVER": server.url,
        "ASSAY_API_KEY": server.new_key("chief"),
        "ADMIN_KEY": server.operator_key,
    }


def test_the_recipes_of_the_guide_work_in_their_order(team, tmp_path):
    known = variables(team)
    tried = 0
    for language, text in blocks("docs/guide/keys.md"):
        if language == "text":
            continue
        # `OLD` of one block is used in later ones, as in a person's shell.
        if language == "sh" and "$OLD" in text and "OLD=" not in text:
            text = 'OLD=$(python3 -c \'import json; print(json.load(open("made.json"))["data"]["id"])\')\n' + text
        done = script(language, text, tmp_path, known)
        assert done.returncode == 0, f"{text}\n{done.stdout.decode()}\n{done.stderr.decode()}"
        tried += 1
    assert tried >= 12


def test_a_new_administrator_rotates_the_siems_key(team, tmp_path):
    known = variables(team)
    made = run("key", "create", "--account", "soc_siem", "--data", team.data)
    (tmp_path / "siem.env").write_text(f"VT_API_KEY={made.stdout.decode().strip()}\n")
    (tmp_path / "siem.env").chmod(0o600)
    for language, text in blocks("README.md", "Rotate a key"):
        done = script(language, text, tmp_path, known)
        assert done.returncode == 0, f"{text}\n{done.stdout.decode()}\n{done.stderr.decode()}"
