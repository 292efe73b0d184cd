"""What the tests of `assay key update` share: an account with a folder of targets, and a service that reads its key again when
it is told to."""

import itertools
import json
import pathlib
import re
import shlex
import signal
import threading
import time

import requests

from assay import Server, run

DONE, ROLLED_BACK, REFUSED, UNFINISHED, STRANDED = 0, 1, 2, 3, 4
# By its own hand, at a point of ASSAY_FAULT_POINT.
KILLED = -signal.SIGABRT
SAMPLES = pathlib.Path(__file__).parent / "update"
NUMBER = itertools.count()


class Desk:
    """An account with one key, a folder for its targets, and the command."""

    def __init__(self, server: Server, folder: pathlib.Path):
        self.server, self.folder = server, folder
        self.account = f"u{next(NUMBER)}"
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


def once(folder: pathlib.Path, wrong: str) -> list[str]:
    """A command that goes wrong the first time."""
    mark = shlex.quote(str(folder / f"mark-{next(NUMBER)}"))
    return ["sh", "-c", f"[ -e {mark} ] && exit 0; touch {mark}; {wrong}"]
