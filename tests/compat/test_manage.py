"""The commands that manage accounts, each through both doors: the data folder of this machine, and a server elsewhere."""

import base64
import hmac
import itertools
import json
import re
import secrets
import shlex
import subprocess
import time

import pytest

from assay import ROOT, Server, binary, environment, free_port, run
from broken import always, serving

_NUMBER = itertools.count()


class Desk:
    """Runs commands through one door."""

    def __init__(self, server, door: str):
        self.server, self.door = server, door

    def run(self, *arguments, stdin: bytes = b"", **more: str):
        """A command to its end."""
        if self.door == "folder":
            return run(*arguments, "--data", self.server.data, stdin=stdin, **more)
        said = {"ASSAY_SERVER": self.server.url, "ASSAY_API_KEY_FILE": str(self.server.key_file)}
        return run(*arguments, stdin=stdin, **(said | more))

    def json(self, *arguments, stdin: bytes = b""):
        """What a command that succeeds answers to programs."""
        done = self.run(*arguments, "--format", "json", stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def refused(self, *arguments, stdin: bytes = b"") -> str:
        """What a command that fails says."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 2 and not done.stdout, done
        return done.stderr.decode()


@pytest.fixture(params=["folder", "server"])
def desk(server, request) -> Desk:
    """Both doors."""
    return Desk(server, request.param)


@pytest.fixture
def name() -> str:
    """A name that nothing has yet."""
    return f"m{next(_NUMBER)}"


@pytest.fixture
def group(desk) -> str:
    """A fresh group."""
    name = f"g{next(_NUMBER)}"
    desk.json("group", "create", name, "--tier", "premium", "--organization", "Example")
    return name


# user

def test_an_account_is_made_changed_listed_and_deleted(desk, server, name):
    made = desk.json("user", "create", name, "--email", f"{name}@example.org", "--first-name", "Ann")
    assert (made["id"], made["tier"], made["type"]) == (name, "public", "user")
    changed = desk.json("user", "update", name, "--tier", "premium", "--class", "bulk", "--last-name", "Onymous")
    assert (changed["tier"], changed["class"], changed["last_name"], changed["first_name"]) == ("premium", "bulk", "Onymous", "Ann")
    assert name in [user["id"] for user in desk.json("user", "list")]
    assert desk.json("user", "show", f"{name}@example.org")["id"] == name
    assert "--yes" in desk.refused("user", "delete", name)
    assert desk.run("user", "delete", name, "--yes").returncode == 0
    assert "not found" in desk.refused("user", "show", name)


def test_a_deactivated_account_is_refused_at_once_and_works_again_when_it_is_active(desk, server, name):
    desk.json("user", "create", name, "--tier", "premium")
    key = desk.json("key", "create", "--account", name)["key"]
    assert server.get("/metadata", key).status_code == 200
    desk.json("user", "update", name, "--status", "inactive")
    assert within_a_second(lambda: server.get("/metadata", key).json().get("error", {}).get("code") == "UserNotActiveError")
    desk.json("user", "update", name, "--status", "active")
    assert within_a_second(lambda: server.get("/metadata", key).status_code == 200)


def test_a_privilege_is_granted_until_a_date_and_revoked(desk, name):
    desk.json("user", "create", name)
    granted = desk.json("user", "update", name, "--grant", "livehunt,retrohunt", "--until", "90d")["privileges"]["livehunt"]
    assert granted["granted"] and abs(granted["expiration_date"] - time.time() - 90 * 86400) < 60
    after = desk.json("user", "update", name, "--revoke", "livehunt")["privileges"]
    assert not after.get("livehunt", {}).get("granted") and after["retrohunt"]["granted"]
    assert "flying" in desk.refused("user", "update", name, "--grant", "flying")


def test_a_change_of_nothing_says_what_could_be_changed(desk, name):
    desk.json("user", "create", name)
    assert "--help" in desk.refused("user", "update", name)
    assert "--until" in desk.refused("user", "update", name, "--until", "90d")


def within_a_second(happens) -> bool:
    """Whether something comes true within a second."""
    deadline = time.monotonic() + 1
    while not (done := happens()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return done


# group, service account

def test_a_group_takes_members_in_with_roles_and_caps_and_puts_them_out(desk, group, name):
    desk.json("user", "create", name, "--email", f"{name}@example.org")
    assert desk.run("group", "add", group, f"{name}@example.org", f"new-{name}@example.org").returncode == 0
    assert desk.run("group", "admin", group, f"{name}@example.org").returncode == 0
    assert desk.run("group", "cap", group, name, "1000").returncode == 0
    assert desk.run("group", "roles", group, name, "--add", "USER_ROLE_PRIVATE_SCANNING").returncode == 0
    (member,) = desk.json("group", "members", group)
    assert (member["id"], member["role"], member["quota_limits"]["api_requests_daily"]["allowed"]) == (name, "admin", 1000)
    assert "USER_ROLE_PRIVATE_SCANNING" in member["roles"]
    assert f"new-{name}@example.org" in desk.json("group", "show", group)["invitations"]
    assert desk.run("group", "cap", group, name, "unlimited").returncode == 0
    assert desk.run("group", "admin", group, name, "--remove").returncode == 0
    assert desk.run("group", "admin", group, name).returncode == 0, "by name, as it is a member"
    assert desk.run("group", "admin", group, name, "--remove").returncode == 0
    assert desk.run("group", "remove", group, name).returncode == 0
    assert desk.json("group", "members", group) == []


def test_the_networks_of_a_group_are_shown_set_and_cleared(desk, group):
    assert desk.json("group", "networks", group, "10.0.0.0/8", "::1/128")["allowed_networks"] == ["10.0.0.0/8", "::1/128"]
    assert desk.json("group", "networks", group)["allowed_networks"] == ["10.0.0.0/8", "::1/128"]
    assert desk.json("group", "networks", group, "--clear").get("allowed_networks", []) == []
    assert "nonsense" in desk.refused("group", "networks", group, "nonsense")


def test_a_service_account_is_known_by_its_name_alone_where_that_is_enough(desk, server, group):
    machine = f"siem{next(_NUMBER)}"
    made = desk.json("service-account", "create", machine, "--group", group)
    assert made["id"] == f"{group}_{machine}"
    key = desk.json("key", "create", "--account", machine)["key"]
    assert server.get(f"/users/{key}", key).json()["data"]["id"] == f"{group}_{machine}"
    assert desk.run("service-account", "cap", machine, "50").returncode == 0
    assert desk.run("service-account", "roles", machine, "USER_ROLE_FILE_UPLOADS").returncode == 0
    (shown,) = desk.json("service-account", "list", "--group", group)
    assert shown["quota_limits"]["api_requests_daily"]["allowed"] == 50 and shown["roles"] == ["USER_ROLE_FILE_UPLOADS"]
    assert desk.json("service-account", "show", machine)["id"] == f"{group}_{machine}"
    other = f"other{next(_NUMBER)}"
    desk.json("group", "create", other)
    desk.json("service-account", "create", machine, "--group", other)
    assert f"{group}_{machine}" in desk.refused("key", "create", "--account", machine)
    assert desk.run("service-account", "delete", f"{other}_{machine}", "--yes").returncode == 0


def test_an_administrator_of_a_group_manages_it_and_nothing_else(server):
    desk = Desk(server, "folder")
    group, chief, machine = (f"{word}{next(_NUMBER)}" for word in ("adm", "chief", "box"))
    desk.json("group", "create", group, "--tier", "premium")
    desk.json("user", "create", chief, "--email", f"{chief}@example.org")
    desk.run("group", "add", group, f"{chief}@example.org")
    desk.run("group", "admin", group, f"{chief}@example.org")
    said = {"ASSAY_SERVER": server.url, "ASSAY_API_KEY": desk.json("key", "create", "--account", chief)["key"]}
    for command in (
        ["service-account", "create", machine, "--group", group], ["key", "create", "--account", machine],
        ["group", "cap", group, chief, "7"], ["group", "members", group], ["usage", "--group", group], ["request", "list"],
        ["service-account", "list", "--group", group], ["audit", "list", "--group", group],
    ):
        done = run(*command, **said)
        assert done.returncode == 0, f"{command}: {done.stderr.decode()}"
    for command in (["user", "list"], ["tier", "create", "mine"], ["group", "update", group, "--tier", "operator"], ["audit", "list"]):
        assert run(*command, **said).returncode == 2, command


# key

def test_a_key_is_alone_on_standard_output_and_told_of_beside(desk, name):
    desk.json("user", "create", name)
    made = desk.run("key", "create", "--account", name)
    assert re.fullmatch(rb"a55a[0-9a-f]{60}\n", made.stdout)
    assert made.stdout[4:16] in made.stderr and made.stdout[16:56] not in made.stderr


def test_a_key_is_rotated_restored_and_revoked(desk, server, name):
    desk.json("user", "create", name, "--tier", "premium")
    old = desk.json("key", "create", "--account", name, "--label", "SIEM", "--expires", "90d", "--network", "127.0.0.0/8")
    assert old["label"] == "SIEM" and old["allowed_networks"] == ["127.0.0.0/8"] and old["state"] == "active"
    new = desk.json("key", "rotate", old["id"], "--overlap", "2h", "--retire-when-quiet", "1h")
    assert new["key"] != old["key"] and new["predecessor"] == old["id"] and new["label"] == "SIEM"
    for key in (old["key"], new["key"]):
        assert server.get("/metadata", key).status_code == 200
    assert "sunset" in server.get("/metadata", old["key"]).headers
    shown = desk.json("key", "show", old["id"])
    assert (shown["state"], shown["successor"], "key" in shown) == ("retiring", new["id"], False)
    assert desk.run("key", "restore", old["id"]).returncode == 0
    assert {key["id"]: key["state"] for key in desk.json("key", "list", "--account", name)} == {old["id"]: "active", new["id"]: "revoked"}
    now = desk.json("key", "rotate", old["id"], "--now")
    assert within_a_second(lambda: server.get("/metadata", old["key"]).status_code == 401)
    assert b"revoked" in desk.run("key", "revoke", now["id"]).stdout
    assert within_a_second(lambda: server.get("/metadata", now["key"]).status_code == 401)


def test_what_is_known_of_a_key_is_changed_and_taken_away(desk, name):
    desk.json("user", "create", name, "--tier", "premium")
    key = desk.json("key", "create", "--account", name)["id"]
    changed = desk.json("key", "update", key, "--label", "x", "--expires", "2099-01-31", "--network", "10.0.0.0/8", "--privilege", "livehunt")
    assert changed["expiration_date"] == 4073500800 and changed["privileges"] == ["livehunt"]
    plain = desk.json("key", "update", key, "--no-expiry", "--any-network", "--all-privileges")
    assert "expiration_date" not in plain and "privileges" not in plain and not plain.get("allowed_networks")
    for wrong in (["--expires", "yesterday"], ["--expires", "2001-01-01"], ["--network", "10.0.0.0/99"], ["--privilege", "flying"]):
        assert desk.refused("key", "update", key, *wrong)


def test_an_existing_key_is_imported_from_standard_input_or_a_file_and_never_from_an_argument(desk, server, name, tmp_path):
    desk.json("user", "create", name, "--tier", "premium")
    first, second = secrets.token_hex(32), secrets.token_hex(32)
    made = desk.json("key", "import", "--account", name, "--label", "old", stdin=f"{first.upper()}\n".encode())
    assert made["imported"] and "key" not in made and first not in json.dumps(made)
    (tmp_path / "key").write_text(second)
    assert desk.json("key", "import", "--account", name, "--from-file", tmp_path / "key")["imported"]
    for key in (first, second):
        assert server.get(f"/users/{key}", key).json()["data"]["id"] == name
    for arguments in ([first], ["--key", first], [f"--key={first}"]):
        said = desk.refused("key", "import", "--account", name, *arguments)
        assert "standard input" in said and first not in said
    assert "64 hexadecimal" in desk.refused("key", "import", "--account", name, stdin=b"nonsense")


def test_who_uses_a_key_is_told_by_client(desk, server, name):
    desk.json("user", "create", name, "--tier", "premium")
    key = desk.json("key", "create", "--account", name)
    for _ in range(3):
        assert server.get(f"/files/{'0' * 64}", key["key"], headers={"User-Agent": "siem/7"}).status_code == 404
    deadline = time.monotonic() + 10
    while not (clients := desk.json("key", "clients", key["id"])) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert "siem/7" in clients[0]["client"] and clients[0]["count"] >= 1


# tier, request, quota, usage

def test_a_tier_is_made_used_and_deleted(desk, name):
    tier = f"t{next(_NUMBER)}"
    limits = ["--minute", "60", "--day", "20000", "--month", "unlimited"]
    made = desk.json("tier", "create", tier, *limits, "--privilege", "allinfo,downloads-tier-1", "--quota", "private_scans_monthly=7")
    assert made["limits"]["minute"] == 60 and made["limits"]["month"] == 10**9 and "allinfo" in made["privileges"]
    assert made["quotas"]["private_scans_monthly"]["allowed"] == 7
    assert desk.json("tier", "update", tier, "--day", "30000")["limits"] | {"x": 1} == made["limits"] | {"day": 30000, "x": 1}
    assert {"public", "premium", tier} <= {one["id"] for one in desk.json("tier", "list")}
    desk.json("user", "create", name, "--tier", tier)
    assert desk.refused("tier", "delete", tier, "--yes")
    desk.json("user", "update", name, "--tier", "public")
    assert desk.run("tier", "delete", tier, "--yes").returncode == 0


def test_a_request_is_asked_listed_granted_and_declined(desk, name):
    desk.json("user", "create", name)
    ask = ["request", "ask", "--account", name, "--reason", "because"]
    tier = desk.json(*ask, "--tier", "premium")
    quota = desk.json(*ask, "--quota", "api_requests_daily", "--amount", "5000")
    assert (tier["kind"], tier["status"], quota["amount"]) == ("tier", "open", 5000)
    assert {tier["id"], quota["id"]} <= {one["id"] for one in desk.json("request", "list")}
    granted = desk.json("request", "grant", tier["id"], "--until", "30d", "--answer", "for a month")
    assert granted["status"] == "granted" and desk.json("user", "show", name)["tier"] == "premium"
    assert desk.json("request", "decline", quota["id"], "--answer", "no")["status"] == "declined"
    assert tier["id"] not in {one["id"] for one in desk.json("request", "list")}
    assert desk.json("request", "show", tier["id"])["answer"] == "for a month"
    assert desk.refused(*ask, "--tier", "premium", "--privilege", "livehunt") and desk.refused(*ask)


def test_an_account_asks_for_itself(server, public):
    said = {"ASSAY_SERVER": server.url, "ASSAY_API_KEY": public}
    asked = run("request", "ask", "--privilege", "livehunt", "--reason", "hunting", "--format", "json", **said)
    assert asked.returncode == 0, asked.stderr.decode()
    shown = run("quota", "show", "--format", "json", **said)
    assert json.loads(shown.stdout)["api_requests_daily"]["user"]["allowed"] == 500
    assert run("user", "list", **said).returncode == 2, "the operator's commands are not everybody's"


def test_usage_is_drawn_by_day_and_endpoint_and_account(desk, server, group, name):
    desk.json("user", "create", name, "--email", f"{name}@example.org")
    desk.run("group", "add", group, f"{name}@example.org")
    key = desk.json("key", "create", "--account", name)["key"]
    for _ in range(3):
        server.get(f"/files/{'0' * 64}", key)
    deadline = time.monotonic() + 10
    while not sum(desk.json("usage", name)["days"].values()) and time.monotonic() < deadline:
        time.sleep(0.2)
    usage = desk.json("usage", name, "--days", "3")
    assert sum(usage["days"].values()) == sum(usage["endpoints"].values()) == 3 and len(usage["days"]) == 3
    assert desk.json("usage", "--group", group)["accounts"] == {name: 3}
    assert desk.json("usage", "--everyone", "--days", "60")["accounts"][name] == 3
    drawn = desk.run("usage", "--group", group).stdout.decode()
    assert "Requests by day: 3" in drawn and "█" in drawn and name in drawn
    # Beside a running server its leases count as used.
    assert desk.json("quota", "show", name)["api_requests_daily"]["group"]["used"] >= 3
    assert "api_requests_daily" in desk.run("quota", "show", name).stdout.decode()


# audit, webhook

def test_what_was_done_is_in_the_audit_log_and_the_log_is_whole(desk, name, tmp_path):
    desk.json("user", "create", name)
    key = desk.json("key", "create", "--account", name)["id"]
    desk.run("key", "revoke", key)
    entries = desk.json("audit", "list", "--action", "CREATE_USER", "--since", "1h")
    assert any(name in entry["target"] for entry in entries)
    assert all(entry["action"] == "CREATE_USER" for entry in entries)
    done = desk.json("audit", "verify")
    assert done["whole"] and done["entries"] >= 3
    exported = desk.run("audit", "export").stdout.decode().splitlines()
    assert json.loads(exported[0])["hash"] == done["hash"] and len(exported) == done["entries"]
    (tmp_path / "log").write_text("\n".join(exported))
    whole = run("audit", "verify", tmp_path / "log", "--expect", json.loads(exported[-1])["hash"])
    assert whole.returncode == 0 and done["hash"].encode() in whole.stdout
    (tmp_path / "log").write_text("\n".join(exported).replace(f"user/{name}", "user/somebody"))
    broken = run("audit", "verify", tmp_path / "log")
    assert broken.returncode == 1 and b"was changed" in broken.stdout
    (tmp_path / "log").write_text("\n".join(exported[:1] + exported[2:]))
    assert run("audit", "verify", tmp_path / "log").returncode == 1
    (tmp_path / "log").write_text("\n".join(exported[1:]))
    cut = run("audit", "verify", tmp_path / "log", "--expect", done["hash"])
    assert cut.returncode == 1 and b"expected hash" in cut.stdout
    (tmp_path / "log").write_text("nonsense")
    assert run("audit", "verify", tmp_path / "log").returncode == 2


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A server that may call this very machine."""
    folder = tmp_path_factory.mktemp("house")
    config = folder / "assay.toml"
    config.write_text('[webhooks]\nallow = ["127.0.0.0/8"]\nallow_http = true\n')
    server = Server(folder, "--config", str(config))
    server.config = config
    yield server.start()
    server.stop()


@pytest.fixture(params=["folder", "server"])
def calls(house, request) -> Desk:
    """Both doors of that server; the folder's is told of the same configuration."""
    desk = Desk(house, request.param)
    desk.more = ["--config", house.config] if request.param == "folder" else []
    return desk


def test_a_webhook_is_added_with_its_secret_once_changed_and_removed(calls):
    with serving(always(200, b"")) as receiver:
        url = f"http://127.0.0.1:{receiver.server_port}/assay"
        made = calls.json("webhook", "add", url, "--event", "key.expiring,key.revoked", "--label", "pager", *calls.more)
        assert made["secret"].startswith("whsec_") and made["events"] == ["key.expiring", "key.revoked"]
        shown = calls.json("webhook", "show", made["id"])
        assert "secret" not in shown and shown["label"] == "pager"
        assert calls.json("webhook", "update", made["id"], "--status", "disabled", *calls.more)["status"] == "disabled"
        assert made["id"] in [one["id"] for one in calls.json("webhook", "list")]
        assert calls.json("webhook", "deliveries", made["id"]) == []
        assert calls.run("webhook", "remove", made["id"]).returncode == 0
        assert "not found" in calls.refused("webhook", "show", made["id"])
        assert "--event" in calls.refused("webhook", "add", url)
        assert calls.refused("webhook", "add", "ftp://127.0.0.1", "--event", "key.expiring", *calls.more)
        assert calls.refused("webhook", "replay", "no-such-delivery")


def test_an_event_arrives_signed_with_the_secret_that_was_printed(calls, name):
    with serving(always(200, b"")) as receiver:
        url = f"http://127.0.0.1:{receiver.server_port}/assay"
        added = calls.run("webhook", "add", url, "--event", "key.revoked", *calls.more)
        assert added.returncode == 0, added.stderr.decode()
        secret = base64.b64decode(added.stdout.decode().strip().removeprefix("whsec_"))
        (hook,) = [one for one in calls.json("webhook", "list") if one["url"] == url]
        calls.json("user", "create", name)
        key = calls.json("key", "create", "--account", name)["id"]
        assert calls.run("key", "revoke", key).returncode == 0
        deadline = time.monotonic() + 20
        while not receiver.bodies and time.monotonic() < deadline:
            time.sleep(0.1)
        (_, headers), body = receiver.seen[0], receiver.bodies[0]
        headers = {field.lower(): value for field, value in headers.items()}
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        assert base64.b64encode(hmac.digest(secret, signed, "sha256")).decode() in headers["webhook-signature"]
        assert json.loads(body)["type"] == "key.revoked" and key in body.decode()
        while not (told := calls.json("webhook", "deliveries", hook["id"], "--status", "delivered")) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert told[0]["event"] == "key.revoked"
        calls.run("webhook", "remove", hook["id"])


# Which door, and what is refused before any

def test_the_server_is_asked_where_one_is_named_and_a_folder_on_the_command_line_wins(server, tmp_path):
    nobody = f"http://127.0.0.1:{free_port()}"
    asked = run("user", "list", ASSAY_SERVER=nobody, ASSAY_API_KEY="0" * 64)
    assert asked.returncode == 2 and b"connection refused" in asked.stderr
    assert run("user", "list", "--data", server.data, ASSAY_SERVER=nobody).returncode == 0
    assert run("user", "list", "--data", server.data, "--server", nobody).returncode == 2
    wrong = run("user", "list", ASSAY_SERVER="ftp://host")
    assert wrong.returncode == 2 and b"ASSAY_SERVER" in wrong.stderr
    assert run("user", "list", "--data", server.data, ASSAY_SERVER="ftp://host").returncode == 0
    empty = run("user", "list", "--data", tmp_path / "nothing")
    assert empty.returncode == 2 and b"--data" in empty.stderr
    assert b"ASSAY_API_KEY" in run("user", "list", ASSAY_SERVER=server.url).stderr


@pytest.mark.parametrize("command", [
    ["user", "show"], ["key", "revoke"], ["key", "show"], ["usage"], ["quota", "show"], ["group", "add", "soc"], ["webhook", "show"],
])
def test_a_key_among_the_arguments_is_refused_and_not_repeated(server, premium, command):
    refused = run(*command, premium, "--data", server.data)
    assert refused.returncode == 2 and premium.encode() not in refused.stderr + refused.stdout
    assert b"command line" in refused.stderr


@pytest.mark.parametrize("command", [
    "user", "group", "service-account", "key", "tier", "request", "quota", "usage", "audit", "webhook", "doctor", "key find",
])
def test_help_teaches_by_an_example(command):
    shown = run(*command.split(), "--help").stdout.decode()
    assert f"  assay {command}" in shown


def test_a_reader_that_has_seen_enough_is_no_error(server):
    command = f"{binary()} user list --data {server.data} | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, env=environment(), timeout=30, check=False)
    assert done.returncode == 0, done.stderr.decode()


def _lines_of_the_guide() -> list[str]:
    """Commands of ours in the guides that are not run as a whole."""
    texts = [(ROOT / "docs" / name).read_text() for name in ("guide/operate.md", "scanners/README.md")]
    blocks = re.findall(r"```sh\n(.*?)```", "\n".join(texts), re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("assay ")]


@pytest.mark.parametrize("line", _lines_of_the_guide())
def test_the_guide_s_commands_are_understood(line):
    """What is not understood is refused before `--help` is looked at."""
    arguments = re.split(r"\s[<>|]\s", line)[0]
    shown = run(*shlex.split(arguments)[1:], "--help")
    assert shown.returncode == 0 and b"Usage: assay" in shown.stdout, shown.stderr.decode()
