"""`assay key update` with the key of a contract: one Assay plays VirusTotal, another is its broker. The broker uses the key, and
scripts may ask VirusTotal with it themselves.

Whatever ends an old key waits for six seconds: that long may calls with it be under way at the most.
"""

import itertools
import json
import os
import pathlib
import re
import secrets
import threading

import pytest

from assay import Server, binary, run
from original import Original, add, files_that_hold
from update_desk import DONE, KILLED, NUMBER, REFUSED, ROLLED_BACK, UNFINISHED, Service, read_key, toml


class Contract:
    """A broker with a contract, a folder of targets, the old key and the new one."""

    def __init__(self, original: Original, folder: pathlib.Path):
        self.original, self.folder = original, folder
        self.names = [f"{name}-{next(NUMBER)}" for name in ("old", "new")]
        self.old, self.new = (original.account(name) for name in self.names)
        config = folder / "assay.toml"
        config.write_text('[upstream]\npatience = "1s"\n')
        (folder / "broker").mkdir()
        self.broker = Server(folder / "broker", "--config", str(config)).start()
        add(self.broker, original.server.url, self.old)
        self.plan_file = folder / "plan.toml"
        self.said, self.statuses, self.over = "", {}, threading.Event()
        self.asker = threading.Thread(target=self._ask, daemon=True)

    def _ask(self):
        while not self.over.is_set():
            status = self.broker.get(f"/files/{secrets.token_hex(32)}").status_code
            self.statuses[status] = self.statuses.get(status, 0) + 1

    def plan(self, *targets: dict, **more):
        """Writes the plan."""
        lines = [f"{name} = {toml(value)}" for name, value in ({"upstream": "vt", "settle": "0s"} | more).items()]
        for target in targets:
            lines += ["[[target]]", *(f"{name} = {toml(value)}" for name, value in target.items())]
        self.plan_file.write_text("\n".join(lines))

    def file(self, name: str, text: str) -> pathlib.Path:
        """A file in which KEY stands for the old key."""
        path = self.folder / name
        path.write_text(re.sub(r"\bKEY\b", self.old, text))
        path.chmod(0o600)
        return path

    def update(self, *options: str, key: str | None = None, **more: str) -> tuple[int, dict]:
        """Runs it with this key on standard input: status and report."""
        said = {"ASSAY_SERVER": self.broker.url, "ASSAY_API_KEY_FILE": str(self.broker.key_file)} | more
        command = ("key", "update", "--plan", self.plan_file, "--format", "json", *options)
        done = run(*command, stdin=(key or "").encode(), **said)
        self.said = (done.stdout + done.stderr).decode()
        for secret in (self.old, self.new):
            assert secret not in self.said
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {}

    def states(self) -> list[str]:
        """The states of the contract's keys."""
        return [key["state"] for key in self.shown()["keys"]]

    def shown(self) -> dict:
        """The contract."""
        return self.broker.get("/upstreams/vt").json()["data"]["attributes"]

    def account_in_use(self) -> str:
        """Whose key the broker asks with."""
        return next(key["upstream_account"] for key in self.shown()["keys"] if key["state"] == "active")

    def left(self) -> list[str]:
        """What a run has left beside the targets."""
        return [name for name in os.listdir(self.folder) if name.endswith((".old", ".new", ".journal"))]


@pytest.fixture
def contract(original, tmp_path):
    """A contract whose broker is asked without a pause; no question of a test is lost."""
    contract = Contract(original, tmp_path)
    contract.asker.start()
    yield contract
    contract.over.set()
    contract.asker.join()
    assert set(contract.statuses) == {404}, contract.statuses
    assert files_that_hold(contract.broker.folder, contract.old, contract.new) == []
    contract.broker.kill9()


def test_the_broker_alone_gets_a_new_key_and_loses_no_request(contract, original):
    contract.plan()
    status, report = contract.update("--dry-run", key=contract.new)
    assert (status, report["outcome"]) == (DONE, "ready") and contract.states() == ["active"], contract.said
    assert contract.account_in_use() == contract.names[0]
    status, report = contract.update(key=contract.new)
    assert (status, report["outcome"]) == (DONE, "done"), contract.said
    assert "can be revoked at VirusTotal" in report["notices"][0]
    assert contract.states() == ["active"] and contract.account_in_use() == contract.names[1] and contract.left() == []
    # The old key is dead from here on, and nobody notices.
    assert original.server.post(f"/api_keys/{contract.old[4:16]}/revoke").status_code == 200


def test_a_script_that_asks_virustotal_itself_gets_the_new_key_too(contract, original):
    path = contract.file(".env", "# of the team\nVT_API_KEY=KEY # here\n")
    key_file = contract.folder / "new.key"
    key_file.write_text(contract.new + "\n")
    with Service(original.server, path) as service:
        contract.plan(
            {"file": ".env", "env": "VT_API_KEY", "reload": service.reload, "probe": ["true"]},
            new_key={"file": "new.key"}, old_key="keep",
        )
        status, report = contract.update()
        assert (status, report["outcome"]) == (DONE, "done"), contract.said
    assert path.read_text() == f"# of the team\nVT_API_KEY={contract.new} # here\n"
    assert set(service.statuses) == {200}
    assert contract.states() == ["draining", "active"] and "as the plan says" in report["notices"][0]
    # The one that was replaced comes back by its name.
    old = contract.shown()["keys"][0]["id"]
    turned = run("upstream", "rotate", "vt", "--activate", old, "--data", contract.broker.data)
    assert turned.returncode == 0 and contract.account_in_use() == contract.names[0], turned.stderr


def test_the_new_key_may_come_from_a_command(contract):
    (contract.folder / "new.key").write_text(contract.new)
    contract.plan(new_key={"command": ["cat", "new.key"]})
    assert contract.update("--dry-run")[0] == DONE, contract.said
    contract.plan(new_key={"command": ["echo", "nonsense"]})
    assert contract.update("--dry-run")[0] == REFUSED and "64 hexadecimal digits" in contract.said


def test_what_is_not_fit_is_told_before_anything_is_changed(contract, original):
    contract.plan()
    for key, part in [
        (None, "does not hold one key"), ("0" * 64, "does not take this key"), (contract.old, "in use already"),
        (original.account(f"stranger-{secrets.token_hex(3)}", "rivals"), "another group"),
    ]:
        status, _ = contract.update(key=key)
        assert status == REFUSED and part in contract.said, (part, contract.said)
    contract.plan(key="0123456789ab")
    assert contract.update(key=contract.new)[0] == REFUSED and "that the plan names" in contract.said
    contract.file(".env", f"VT_API_KEY={'ab' * 32}\n")
    contract.plan({"file": ".env", "env": "VT_API_KEY"})
    assert contract.update(key=contract.new)[0] == REFUSED and "no key that vt is used with" in contract.said
    contract.plan(upstream="nobody")
    assert contract.update(key=contract.new)[0] == REFUSED and "no contract nobody" in contract.said
    contract.plan()
    staged = run("upstream", "rotate", "vt", "--stage", "--data", contract.broker.data, stdin=contract.new.encode())
    assert staged.returncode == 0, staged.stderr
    third = original.server.new_key(contract.names[1])
    assert contract.update(key=third)[0] == REFUSED and "waits to take over" in contract.said
    typed = run("key", "update", "--plan", contract.plan_file, contract.new)
    assert typed.returncode == REFUSED and contract.new.encode() not in typed.stderr
    assert contract.account_in_use() == contract.names[0] and contract.left() == []


def test_a_target_that_fails_puts_everything_back(contract):
    path = contract.file(".env", "VT_API_KEY=KEY\n")
    contract.plan({"file": ".env", "env": "VT_API_KEY", "probe": ["false"], "patience": "700ms"})
    status, report = contract.update(key=contract.new)
    assert (status, report["outcome"]) == (ROLLED_BACK, "rolled_back"), contract.said
    assert read_key(path) == contract.old and contract.states() == ["active"] and contract.account_in_use() == contract.names[0]


def test_a_new_key_that_dies_before_it_is_in_use_is_given_up_and_the_old_one_asks_on(contract, original):
    path = contract.file(".env", "VT_API_KEY=KEY\n")
    # A running server hears of it within a second.
    kill = f"{binary()} key revoke {contract.new[4:16]} --data {original.server.data} && sleep 1.5"
    contract.plan({"file": ".env", "env": "VT_API_KEY", "reload": ["sh", "-c", f"[ -e once ] || ({kill}); touch once"]})
    status, report = contract.update(key=contract.new)
    assert status == ROLLED_BACK and "refuses the new key" in report["cause"], contract.said
    assert read_key(path) == contract.old and contract.states() == ["active"] and contract.account_in_use() == contract.names[0]


@pytest.mark.kill
@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", ["--resume", "--roll-back"])
def test_a_kill_at_any_point_ends_completed_or_put_back_and_no_request_is_lost(contract, way):
    """At every point that there is, with a target and without one."""
    keys = dict(zip(contract.names, (contract.old, contract.new), strict=True))
    path = contract.file(".env", "VT_API_KEY=KEY\n")
    contract.plan(*([{"file": ".env", "env": "VT_API_KEY"}] if way == "--roll-back" else []))
    seen = set()
    for point in itertools.count(1):
        before = contract.account_in_use()
        (other,) = set(contract.names) - {before}
        status, _ = contract.update(key=keys[other], ASSAY_FAULT_POINT=str(point))
        if status == DONE:
            break
        assert status == KILLED, contract.said
        for name in contract.left():
            text = (contract.folder / name).read_text()
            assert name.endswith(".old") or name.startswith(".") or not any(key in text for key in keys.values())
        status, report = contract.update(way)
        if status == UNFINISHED and "once more" in contract.said:
            status, report = contract.update(way, key=keys[other])
        if status == UNFINISHED and way == "--roll-back":
            # The old key was removed already: then the only way is forward.
            assert "has ended" in contract.said, contract.said
            status, report = contract.update("--resume")
        assert status in (DONE, ROLLED_BACK), contract.said
        seen.add(report["outcome"])
        assert contract.states() == ["active"] and contract.left() == [], (point, contract.said)
        now = contract.account_in_use()
        assert now == before or report["outcome"] in ("done", "nothing"), (point, report)
        if way == "--roll-back":
            assert read_key(path) == keys[now], point
    assert point > 12, "the points of a run are many"
    assert ("rolled_back" if way == "--roll-back" else "done") in seen
