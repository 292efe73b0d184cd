"""`assay key update`: a new key wherever the old one is in use, or everything as it was. Real files, real commands, a service
that reads its file again when it is told to and asks the server without a pause."""

import base64
import itertools
import json
import os
import pathlib
import re
import secrets
import shlex
import signal
import stat
import threading
import time

import pytest
import requests

import vault as vaults
from assay import Server, run

DONE, ROLLED_BACK, REFUSED, UNFINISHED = 0, 1, 2, 3
# By its own hand, at a point of ASSAY_FAULT_POINT.
KILLED = -signal.SIGABRT
SAMPLES = pathlib.Path(__file__).parent / "update"
_NUMBER = itertools.count()


class Desk:
    """An account with one key, a folder for its targets, and the command."""

    def __init__(self, server: Server, folder: pathlib.Path):
        self.server, self.folder = server, folder
        self.account = f"u{next(_NUMBER)}"
        self.key = server.account(self.account, "premium")
        self.plan_file = folder / "plan.toml"
        self.said = ""

    def file(self, name: str, text: str, mode: int = 0o600) -> pathlib.Path:
        """A file of the account, in which KEY stands for its key."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(re.sub(r"\bKEY\b", self.key, text).encode())
        path.chmod(mode)
        return path

    def plan(self, *targets: dict, **more):
        """Writes the plan."""
        lines = [f"{name} = {toml(value)}" for name, value in ({"account": self.account, "settle": "0s"} | more).items()]
        for target in targets:
            lines += ["[[target]]", *(f"{name} = {toml(value)}" for name, value in target.items())]
        self.plan_file.write_text("\n".join(lines))

    def update(self, *options: str, **more: str) -> tuple[int, dict]:
        """Runs it: status and report."""
        said = {"ASSAY_SERVER": self.server.url, "ASSAY_API_KEY_FILE": str(self.server.key_file)} | more
        done = run("key", "update", "--plan", self.plan_file, "--format", "json", *options, **said)
        self.said = (done.stdout + done.stderr).decode()
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {}

    def live(self) -> list[str]:
        """The ids of the account's live keys."""
        path = f"/users/{self.account}/api_keys?limit=40"
        page = self.server.get(path).json()
        keys = page["data"]
        while cursor := page["meta"].get("cursor"):
            page = self.server.get(f"{path}&cursor={cursor}").json()
            keys += page["data"]
        return [key["id"] for key in keys if key["attributes"]["state"] in ("active", "retiring")]

    def opens(self, key: str) -> bool:
        """Whether the server takes a key."""
        return self.server.get("/metadata", key).status_code == 200

    def shows_nothing_of(self, *keys: str):
        """No key is in anything that was printed."""
        for key in keys:
            assert key[16:56] not in self.said, self.said


def toml(value) -> str:
    """A value in TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {toml(inner)}" for name, inner in value.items()) + " }"
    return json.dumps(value)


@pytest.fixture
def desk(server, tmp_path) -> Desk:
    """A fresh account."""
    return Desk(server, tmp_path)


class Service(threading.Thread):
    """Reads its key from a file at the start and when it is told to, and asks the server without a pause."""

    def __init__(self, server: Server, path: pathlib.Path):
        super().__init__(daemon=True)
        self.server, self.path = server, path
        self.sign = path.with_name("reload")
        self.statuses: dict[int, int] = {}
        self.asked: list[str] = []
        self.over = threading.Event()

    @property
    def reload(self) -> list[str]:
        """The command that tells it, and waits until it has heard."""
        sign = shlex.quote(str(self.sign))
        return ["sh", "-c", f"touch {sign}; while [ -e {sign} ]; do sleep 0.01; done"]

    def run(self):
        session = requests.Session()
        session.trust_env = False
        key = read_key(self.path)
        while not self.over.is_set():
            if self.sign.exists():
                key = read_key(self.path)
                self.sign.unlink(missing_ok=True)
            answer = session.get(f"{self.server.url}/api/v3/metadata", headers={"x-apikey": key}, timeout=30)
            self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
            if key not in self.asked:
                self.asked.append(key)
            time.sleep(0.02)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


def read_key(path: pathlib.Path) -> str:
    """The key of a .env file."""
    (line,) = [line for line in path.read_text().splitlines() if line.startswith("VT_API_KEY=")]
    return line.removeprefix("VT_API_KEY=").split(" ")[0].strip("\"'")


# The whole walk

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
    account = f"u{next(_NUMBER)}"
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


# Rehearsal

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
    other = server.account(f"u{next(_NUMBER)}", "premium")
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


# Something fails

def once(folder: pathlib.Path, wrong: str) -> list[str]:
    """A command that goes wrong the first time."""
    mark = shlex.quote(str(folder / f"mark-{next(_NUMBER)}"))
    return ["sh", "-c", f"[ -e {mark} ] && exit 0; touch {mark}; {wrong}"]


@pytest.mark.parametrize("wrong", ["exit 7", "echo $$; sleep 60"])
def test_a_reload_that_fails_or_hangs_puts_everything_back(desk, server, wrong):
    path = desk.file(".env", "VT_API_KEY=KEY\n")
    second = desk.file("b.yaml", "k: KEY # c\n")
    before = path.stat().st_ino
    with Service(server, path) as service:
        desk.plan(
            {"file": ".env", "env": "VT_API_KEY", "reload": service.reload},
            {"file": "b.yaml", "yaml": "k", "reload": once(desk.folder, wrong), "patience": "1s"},
        )
        status, report = desk.update()
        time.sleep(0.3)
    assert (status, report["outcome"]) == (ROLLED_BACK, "rolled_back"), desk.said
    assert "b.yaml" in report["cause"] and ("exit status: 7" in report["cause"] or "did not end" in report["cause"])
    assert path.read_text() == f"VT_API_KEY={desk.key}\n" and path.stat().st_ino == before
    assert second.read_text() == f"k: {desk.key} # c\n"
    assert desk.live() == [desk.key[4:16]] and set(service.statuses) == {200}
    assert len(service.asked) == 2 and service.asked[0] == desk.key
    assert not [name for name in os.listdir(desk.folder) if name.endswith((".old", ".new", ".journal"))]


def test_a_probe_that_never_succeeds_and_a_network_that_never_asks_put_everything_back(desk):
    path = desk.file(".env", "VT_API_KEY=KEY\n")
    for probe in ({"probe": ["sh", "-c", "cat .env; exit 1"]}, {"seen_from": "192.0.2.0/24"}):
        desk.plan({"file": ".env", "env": "VT_API_KEY", "patience": "1s"} | probe)
        status, report = desk.update()
        assert status == ROLLED_BACK, desk.said
        assert ("exit status: 1" in report["cause"]) or ("not used from 192.0.2.0/24" in report["cause"])
        desk.shows_nothing_of(desk.key)
        assert read_key(path) == desk.key and desk.live() == [desk.key[4:16]]


def test_a_probe_is_tried_until_it_succeeds(desk):
    desk.file(".env", "VT_API_KEY=KEY\n")
    desk.plan({"file": ".env", "env": "VT_API_KEY", "probe": once(desk.folder, "exit 1"), "patience": "10s"})
    assert desk.update()[0] == DONE, desk.said


def test_what_cannot_be_put_back_is_told_both_keys_work_and_the_way_back_can_be_gone_again(desk, server):
    path = desk.file(".env", "VT_API_KEY=KEY\n")
    desk.plan({"file": ".env", "env": "VT_API_KEY", "reload": ["sh", "-c", "test -e mended"]})
    status, report = desk.update()
    assert (status, report["outcome"]) == (UNFINISHED, "unfinished"), desk.said
    assert desk.opens(desk.key) and len(desk.live()) == 2 and read_key(path) == desk.key
    again, _ = desk.update()
    assert again == UNFINISHED and "--roll-back" in desk.said
    (desk.folder / "mended").touch()
    status, report = desk.update("--roll-back")
    assert status == ROLLED_BACK and desk.live() == [desk.key[4:16]], desk.said
    status, report = desk.update("--resume")
    assert (status, report["outcome"]) == (DONE, "nothing")


def test_a_file_that_somebody_changes_in_between_keeps_their_change(desk):
    path = desk.file(".env", "VT_API_KEY=KEY\n")
    third = desk.file("c", "KEY")
    desk.plan(
        {"file": "c", "whole": True},
        {"command": ["sh", "-c", "cat > /dev/null; echo THEIRS=1 >> .env"], "put_back": ["true"]},
        {"file": ".env", "env": "VT_API_KEY"},
    )
    status, report = desk.update()
    assert status == ROLLED_BACK and "in between" in report["cause"], desk.said
    assert path.read_text() == f"VT_API_KEY={desk.key}\nTHEIRS=1\n" and third.read_text() == desk.key
    assert desk.live() == [desk.key[4:16]]


def test_a_change_after_ours_is_kept_when_the_key_is_put_back(desk):
    path = desk.file(".env", "VT_API_KEY=KEY\n")
    desk.plan({"file": ".env", "env": "VT_API_KEY", "reload": once(desk.folder, "echo THEIRS=1 >> .env; exit 1")})
    assert desk.update()[0] == ROLLED_BACK, desk.said
    assert path.read_text() == f"VT_API_KEY={desk.key}\nTHEIRS=1\n" and desk.live() == [desk.key[4:16]]


def test_a_command_that_fails_gets_the_old_key_again(desk):
    desk.file(".env", "VT_API_KEY=KEY\n")
    desk.plan(
        {"file": ".env", "env": "VT_API_KEY"}, {"command": ["sh", "-c", "cat > handed"]},
        {"name": "fails", "command": ["sh", "-c", "cat; exit 9"], "put_back": ["sh", "-c", "cat > taken-back"]},
    )
    status, report = desk.update()
    assert status == ROLLED_BACK and "(the key)" in report["cause"], desk.said
    assert (desk.folder / "handed").read_text() == (desk.folder / "taken-back").read_text() == desk.key
    desk.shows_nothing_of(desk.key)


def test_a_command_alone_needs_a_way_back(desk):
    desk.plan({"command": ["sh", "-c", "cat > handed"]})
    status, report = desk.update()
    assert status == REFUSED and "put_back" in report["cause"]
    desk.plan({"command": ["sh", "-c", "cat > handed"], "put_back": ["true"]})
    assert desk.update()[0] == DONE, desk.said
    assert (desk.folder / "handed").read_text()[4:16] == desk.live()[0]


def test_two_runs_by_one_plan_at_once_are_one_run_and_a_refusal(desk):
    desk.file(".env", "VT_API_KEY=KEY\n")
    desk.plan({"file": ".env", "env": "VT_API_KEY", "reload": ["sleep", "2"]})
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(run(
        "key", "update", "--plan", desk.plan_file, "--data", desk.server.data).returncode)) for _ in range(2)]
    for thread in threads:
        thread.start()
        time.sleep(0.5)
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [DONE, REFUSED]
    # What another process writes holds in the server within a second.
    until = time.monotonic() + 2
    while len(desk.live()) != 1 and time.monotonic() < until:
        time.sleep(0.1)
    assert len(desk.live()) == 1


# Kills

@pytest.mark.kill
@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", ["--resume", "--roll-back"])
@pytest.mark.parametrize("failing", [False, True], ids=["forward", "back"])
def test_a_kill_at_any_point_ends_completed_or_put_back_and_no_request_is_refused(desk, server, way, failing):
    """At every point that there is: the run is killed at the first, the second and so on, until one comes through."""
    path = desk.file(".env", "VT_API_KEY=KEY\n")
    second = desk.file("b.yaml", "k: KEY # c\n")
    handed = desk.folder / "handed"
    seen = set()
    with Service(server, path) as service:
        desk.plan(
            {"file": ".env", "env": "VT_API_KEY", "reload": service.reload, "probe": ["true"]},
            {"file": "b.yaml", "yaml": "k"},
            {"name": "handed", "command": ["sh", "-c", "cat > handed"], "patience": "700ms"} | ({"probe": ["false"]} if failing else {}),
        )
        for point in itertools.count(1):
            old = read_key(path)
            status, _ = desk.update(ASSAY_FAULT_POINT=str(point))
            if status in (DONE, ROLLED_BACK):
                break
            assert status == KILLED, desk.said
            for name in os.listdir(desk.folder):
                if name.endswith((".journal", ".journal.new")):
                    text = (desk.folder / name).read_text()
                    assert old[16:56] not in text and read_key(path)[16:56] not in text
            status, report = desk.update(way)
            if status == UNFINISHED and way == "--roll-back":
                # The old key had ended: then the only way is forward.
                assert "has ended" in desk.said, desk.said
                status, report = desk.update("--resume")
                assert status == DONE, desk.said
            assert status in (DONE, ROLLED_BACK), desk.said
            seen.add(report["outcome"])
            now = read_key(path)
            # What is in use is one key, everywhere, and it is the only one that works.
            assert desk.live() == [now[4:16]], (point, desk.said)
            assert second.read_text() == f"k: {now} # c\n", point
            assert not handed.exists() or handed.read_text() == now or (point, now) == (point, old), point
            if report["outcome"] == "rolled_back":
                assert now == old
            assert not [name for name in os.listdir(desk.folder) if name.endswith((".old", ".new", ".journal"))], point
    assert point > 30, "the points of a run are many"
    assert seen >= ({"rolled_back"} if failing or way == "--roll-back" else {"done"})
    assert set(service.statuses) == {200}, service.statuses


@pytest.mark.kill
def test_a_run_that_is_killed_again_and_again_comes_to_its_end(desk):
    path = desk.file(".env", "VT_API_KEY=KEY\n")
    desk.plan({"file": ".env", "env": "VT_API_KEY"}, {"command": ["sh", "-c", "cat > handed"]})
    assert desk.update(ASSAY_FAULT_POINT="12")[0] == KILLED
    for point in range(1, 40):
        status, _ = desk.update("--resume", ASSAY_FAULT_POINT=str(point))
        if status != KILLED:
            break
        assert len(desk.live()) <= 4
    assert status == DONE, desk.said
    assert desk.live() == [read_key(path)[4:16]] and (desk.folder / "handed").read_text() == read_key(path)


# Vault

@pytest.fixture
def vault(desk):
    """A vault that holds the key beside something else."""
    with vaults.running(secrets.token_hex(8)) as vault:
        vault.put("soc/vt", {"key": desk.key, "other": "kept"})
        (desk.folder / "token").write_text(vault.token + "\n")
        yield vault


def in_vault(vault) -> dict:
    """The target."""
    return {"vault": {"address": vault.url, "path": "soc/vt", "field": "key", "token_file": "token"}}


def test_a_secret_in_vault_is_written_with_check_and_set_and_its_other_fields_stay(desk, vault):
    desk.plan(in_vault(vault))
    status, report = desk.update()
    assert status == DONE, desk.said
    current = vault.current("soc/vt")
    assert current["key"][4:16] == report["new_key"] == desk.live()[0] and current["other"] == "kept"
    assert len(vault.secrets["soc/vt"]) == 2
    desk.shows_nothing_of(desk.key, current["key"])
    assert vault.token not in desk.said


def test_a_secret_in_vault_is_put_back_also_after_a_kill(desk, vault):
    desk.plan(in_vault(vault), {"name": "fails", "command": ["false"], "put_back": ["true"]})
    status, _ = desk.update()
    assert status == ROLLED_BACK and vault.current("soc/vt") == {"key": desk.key, "other": "kept"}, desk.said
    desk.plan(in_vault(vault))
    for point in itertools.count(1):
        status, _ = desk.update(ASSAY_FAULT_POINT=str(point))
        if status == DONE:
            break
        status, _ = desk.update("--roll-back")
        now = vault.current("soc/vt")["key"]
        assert status in (DONE, ROLLED_BACK, UNFINISHED), desk.said
        if status == UNFINISHED:
            assert desk.update("--resume")[0] == DONE, desk.said
            now = vault.current("soc/vt")["key"]
        assert desk.live() == [now[4:16]], point
    assert vault.current("soc/vt")["other"] == "kept"


def test_a_secret_that_somebody_writes_at_the_same_moment_is_left_as_they_want_it(desk, vault):
    def interfere():
        vault.before_write = lambda: None
        vault.put("soc/vt", {"key": desk.key, "other": "theirs"})

    vault.before_write = interfere
    desk.plan(in_vault(vault))
    status, report = desk.update()
    assert status == ROLLED_BACK and "check-and-set" in report["cause"], desk.said
    assert vault.current("soc/vt") == {"key": desk.key, "other": "theirs"} and desk.live() == [desk.key[4:16]]


def test_a_vault_that_refuses_or_is_not_there_or_hears_tokens_in_the_clear_is_told(desk, vault):
    (desk.folder / "token").write_text("another")
    desk.plan(in_vault(vault))
    assert "permission denied" in json.dumps(desk.update()[1])
    desk.plan({"vault": {"address": "http://vault.example:8200", "path": "a", "field": "b", "token_file": "token"}})
    assert "in the clear" in json.dumps(desk.update()[1])
    desk.plan({"vault": {"address": "http://127.0.0.1:9", "path": "a", "field": "b", "token_file": "token"}})
    status, report = desk.update()
    assert status == REFUSED and "does not answer" in json.dumps(report)
