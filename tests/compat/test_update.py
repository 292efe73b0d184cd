"""`assay key update`: a new key wherever the old one is in use. Real files, real commands, a service that reads its file again
when it is told to and asks the server without a pause; and the rehearsal, which changes nothing."""

import base64
import json
import os
import secrets
import stat
import time

from assay import run
from update_desk import DONE, NUMBER, REFUSED, Service, read_key


def test_a_service_gets_a_new_key_and_the_old_one_ends_without_a_request_lost(desk, server):
    path = desk.file(".env", "# of the team\nexport A=1\nVT_API_KEY=KEY # here\nB='2'\n", 0o640)
    with Service(server, path) as service:
        desk.plan({"file": ".env", "env": "VT_API_KEY", "reload": service.reload, "seen_from": "127.0.0.0/8"}, settle="1s")
        status, report = desk.update()
        assert (status, report["outcome"]) == (DONE, "done"), desk.said
        new = read_key(path)
        time.sleep(0.3)
    assert path.read_text() == f"# of the team\nexport A=1\nVT_API_KEY={new} # here\nB='2'\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert service.asked == [desk.key, new] and set(service.statuses) == {200}
    assert (report["old_key"], report["new_key"]) == (desk.key[4:16], new[4:16])
    assert desk.live() == [new[4:16]] and not desk.opens(desk.key)
    desk.shows_nothing_of(desk.key, new)
    assert sorted(os.listdir(desk.folder)) == [".env", "plan.toml"]


def test_the_folder_of_this_machine_is_a_door_as_well(desk, server):
    path = desk.file(".env", "VT_API_KEY=KEY\n")
    desk.plan({"file": ".env", "env": "VT_API_KEY"})
    done = run("key", "upd", "--plan", desk.plan_file, "--data", server.data)
    assert done.returncode == DONE and b"Done: " in done.stdout, done.stderr
    assert desk.live() == [read_key(path)[4:16]]


FORMATS = {
    "a.toml": ("toml", "vt.apikey", "# top\n[vt] # here\napikey = 'KEY' # kept\nn = 1\n"),
    "b.yaml": ("yaml", "virustotal.key", "# top\nvirustotal:\n  key: KEY   # kept\n  on: yes\n"),
    "c.json": ("json", "a.key", '{"a":{"key":"KEY"},\n\t"b": [1, 2.50]}'),
    "d.ini": ("ini", "virustotal.key", "; top\n[virustotal]\nkey = KEY ; kept\n[x]\nkey=1\n"),
    "e.xml": ("xml", "a/b/@key", "<?xml version=\"1.0\"?>\n<a><b key='KEY'/><!-- kept --></a>\n"),
    "f.conf": ("hocon", "a.b.key", "a.b { key = \"KEY\" } // kept\n"),
    "g": ("whole", True, "KEY\n"),
}


def test_every_format_keeps_all_but_the_key(desk):
    for name, (_, _, text) in FORMATS.items():
        desk.file(name, text)
    manifest = "kind: Secret\nmetadata: {name: vt}\ndata:\n  k: %s # kept\nstringData:\n  k: KEY\n"
    secret = desk.file("h.yaml", manifest % base64.b64encode(desk.key.encode()).decode())
    (desk.folder / "link").symlink_to("b.yaml")
    targets = [{"file": name, word: path} for name, (word, path, _) in FORMATS.items() if name != "b.yaml"]
    desk.plan(*targets, {"file": "link", "yaml": "virustotal.key"}, {"file": "h.yaml", "kubernetes": "vt/k"})
    status, report = desk.update()
    assert status == DONE, desk.said
    new = (desk.folder / "g").read_text().strip()
    assert new[4:16] == report["new_key"]
    for name, (_, _, text) in FORMATS.items():
        assert (desk.folder / name).read_text() == text.replace("KEY", new), name
    assert secret.read_text() == (manifest % base64.b64encode(new.encode()).decode()).replace("KEY", new)
    assert (desk.folder / "link").is_symlink()


def test_a_command_is_handed_the_key_on_standard_input_alone(desk):
    desk.file(".env", "VT_API_KEY=KEY\n")
    script = "cat > handed; tr '\\0' '\\n' < /proc/$$/environ > environment; tr '\\0' ' ' < /proc/$$/cmdline > arguments"
    desk.plan({"file": ".env", "env": "VT_API_KEY"}, {"command": ["sh", "-c", script]})
    status, _ = desk.update(ASSAY_API_KEY=desk.server.operator_key)
    assert status == DONE, desk.said
    new = read_key(desk.folder / ".env")
    assert (desk.folder / "handed").read_text() == new
    for where in ("environment", "arguments"):
        text = (desk.folder / where).read_text()
        assert new not in text and desk.server.operator_key not in text


def test_a_key_that_was_made_elsewhere_is_replaced_by_one_of_ours(desk, server):
    foreign = secrets.token_hex(32)
    account = f"u{next(NUMBER)}"
    assert run("user", "create", account, "--tier", "premium", "--data", server.data).returncode == 0
    imported = run("key", "import", "--account", account, "--data", server.data, stdin=foreign.encode())
    assert imported.returncode == 0, imported.stderr
    desk.account, desk.key = account, foreign
    path = desk.file(".env", "VT_API_KEY=KEY\n")
    desk.plan({"file": ".env", "env": "VT_API_KEY"})
    status, report = desk.update()
    assert status == DONE, desk.said
    assert read_key(path)[4:16] == report["new_key"] and not desk.opens(foreign)
    assert foreign[4:] not in desk.said


def test_who_still_uses_the_old_key_is_told_and_not_cut_off(desk, server):
    path = desk.file(".env", "VT_API_KEY=KEY\n")
    other = desk.file("other/.env", "VT_API_KEY=KEY\n")
    with Service(server, other) as forgotten:
        desk.plan({"file": ".env", "env": "VT_API_KEY"}, settle="16s")
        status, report = desk.update()
    assert status == DONE and "still used by 127.0.0.1" in report["notices"][0], desk.said
    assert set(forgotten.statuses) == {200} and desk.opens(desk.key)
    assert sorted(desk.live()) == sorted([desk.key[4:16], read_key(path)[4:16]])


def test_a_rehearsal_shows_masked_changes_and_all_that_is_in_the_way_and_changes_nothing(desk):
    before = desk.file(".env", "A=1\nVT_API_KEY=KEY\n").stat()
    desk.file("open.yaml", "k: KEY\n", 0o644)
    desk.file("short.json", '{"a": 1}')
    os.link(desk.file("one", "KEY"), desk.folder / "two")
    desk.plan(
        {"file": ".env", "env": "VT_API_KEY", "reload": ["no-such-command"]}, {"file": "gone", "env": "A"},
        {"file": "open.yaml", "yaml": "k"}, {"file": "short.json", "json": "b.c"}, {"file": "one", "whole": True},
    )
    status, report = desk.update("--dry-run")
    assert (status, report["outcome"], report["old_key"]) == (REFUSED, "refused", desk.key[4:16])
    (change,) = report["targets"][0]["changes"]
    assert change == {"line": 2, "place": "VT_API_KEY=", "holds": f"{desk.key[:16]}…"}
    told = [" ".join(target.get("problems", [])) for target in report["targets"]]
    for text, part in zip(told, ["no-such-command", "gone", "everybody", "no b.c", "hard links"], strict=True):
        assert part in text, told
    desk.shows_nothing_of(desk.key)
    assert desk.update()[0] == REFUSED
    after = (desk.folder / ".env").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns) and desk.live() == [desk.key[4:16]]


def test_a_rehearsal_of_a_plan_that_is_fit_is_told_in_lines_for_people(desk):
    desk.file("open.yaml", "k: KEY\n", 0o644)
    desk.plan({"file": "open.yaml", "yaml": "k", "world_readable": True, "seen_from": "10.0.0.0/8"})
    done = run("key", "update", "--plan", desk.plan_file, "--dry-run", "--data", desk.server.data)
    assert done.returncode == DONE, done.stderr
    shown = done.stdout.decode()
    assert f"- 1: k: {desk.key[:16]}…" in shown and "+ 1: k: (the new key)" in shown and "Ready" in shown
    assert desk.live() == [desk.key[4:16]]


def test_targets_that_hold_another_key_are_refused_unless_the_plan_says_so(desk, server):
    other = server.account(f"u{next(NUMBER)}", "premium")
    path = desk.file(".env", f"VT_API_KEY=KEY\nOTHER={other}\nEMPTY=\n")
    desk.plan({"file": ".env", "env": "VT_API_KEY"}, {"name": "b", "file": ".env", "env": "OTHER"})
    status, report = desk.update()
    assert status == REFUSED and other[4:16] in report["targets"][1]["problems"][0]
    desk.plan({"file": ".env", "env": "OTHER"})
    assert "belongs to" in desk.update()[1]["cause"]
    second = desk.file("second", "EMPTY=\n")
    desk.plan({"file": ".env", "env": "VT_API_KEY"}, {"file": "second", "env": "EMPTY", "any_value": True})
    assert desk.update()[0] == DONE, desk.said
    assert second.read_text() == f"EMPTY={read_key(path)}\n"


def test_a_plan_that_is_none_is_told_with_all_mistakes(desk):
    desk.plan_file.write_text('overlap = "1m"\n[[target]]\nfile = "a"\n')
    assert desk.update()[0] == REFUSED
    for part in ("whose key", "10m", "target 1 (a)", "assay key recipe"):
        assert part in desk.said
    assert desk.update("--resume")[0] == REFUSED
    key = run("key", "update", desk.key)
    assert key.returncode == REFUSED and desk.key.encode() not in key.stderr
