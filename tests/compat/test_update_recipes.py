"""`assay key recipe`: plans to begin with, each tried on a file in the tool's own form."""

import base64
import json
import secrets
import threading
import tomllib

import pytest

import vault as vaults
from assay import run
from update_desk import DONE, REFUSED, SAMPLES, read_key

RECIPES = [
    ("vt-cli", "vt.toml", {}), ("wazuh", "ossec.conf", {}), ("cortex", "application.conf", {}), ("intelowl", "env_file_app", {}),
    ("opencti", "docker-compose-list.yml", {}), ("opencti", "docker-compose-map.yml", {}),
    ("opencti", "connector-config.yml", {"yaml": "virustotal.token"}), ("kubernetes", "vt-secret.yaml", {}),
    ("vt-py", "dotenv", {}), ("systemd", "credstore-vt-key", {}), ("cortex", "cortex-job-input.json", {"hocon": None, "json": "config.key"}),
    ("intelowl", "docker-compose-env.env", {}),
]
# Those that have tests of their own.
ELSEWHERE = {"misp", "vault"}


@pytest.mark.parametrize("recipe, sample, more", RECIPES, ids=[sample for _, sample, _ in RECIPES])
def test_a_recipe_changes_the_key_in_the_tools_own_file_and_nothing_else(desk, recipe, sample, more):
    """The plan as it is printed, but for where the file is and for commands of tools that are not here."""
    text = (SAMPLES / sample).read_text()

    def filled(key: str) -> str:
        return text.replace("THE-KEY-IN-BASE64", base64.b64encode(key.encode()).decode()).replace("THE-KEY", key)

    path = desk.file(sample, filled(desk.key))
    printed = run("key", "recipe", recipe, "--account", desk.account)
    assert printed.returncode == 0, printed.stderr
    (target,) = tomllib.loads(printed.stdout.decode())["target"]
    changed = {name: value for name, value in target.items() if name not in ("reload", "probe", "seen_from")} | {"file": sample} | more
    desk.plan({name: value for name, value in changed.items() if value is not None})
    status, report = desk.update()
    assert status == DONE, desk.said
    (new,) = [word for word in path.read_text().replace('"', " ").replace("'", " ").replace("=", " ").replace("<", " ").replace(">", " ").split()
              if word[4:16] == report["new_key"]] or [None]
    if new is None:
        new = base64.b64decode(path.read_text().split("api-key: ")[1].split(" ")[0]).decode()
    assert path.read_text() == filled(new) and desk.opens(new)


def test_the_recipe_for_misp_changes_a_setting_by_its_api(desk, tmp_path):
    """Its own command, against what answers as MISP does."""
    import http.server

    heard = []

    class Misp(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.append((self.path, self.headers["Authorization"], body))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"saved": true}')

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Misp)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    printed = run("key", "recipe", "misp", "--account", desk.account).stdout.decode()
    command, file = tomllib.loads(printed)["target"]
    (tmp_path / "misp.header").write_text("Authorization: of-misp\n")
    path = desk.file("misp.env", "VT_API_KEY=KEY\n")
    own = [part.replace("/etc/soc/misp.header", str(tmp_path / "misp.header"))
           .replace("https://misp.example", f"http://127.0.0.1:{server.server_address[1]}") for part in command["command"]]
    desk.plan({"name": "misp", "command": own}, file | {"file": "misp.env"})
    status, _ = desk.update()
    server.shutdown()
    assert status == DONE, desk.said
    assert heard == [("/servers/serverSettingsEdit/Plugin.Enrichment_virustotal_apikey", "of-misp", {"value": read_key(path)})]


def test_the_recipe_for_vault_changes_a_field_of_a_secret(desk):
    """Its own target, but for where the vault is."""
    with vaults.running(secrets.token_hex(8)) as vault:
        vault.put("soc/vt", {"key": desk.key, "other": "kept"})
        (desk.folder / "vault.token").write_text(vault.token)
        (target,) = tomllib.loads(run("key", "recipe", "vault", "--account", desk.account).stdout.decode())["target"]
        desk.plan({"vault": target["vault"] | {"address": vault.url, "token_file": "vault.token"}})
        status, report = desk.update()
        assert status == DONE, desk.said
        now = vault.current("soc/vt")
        assert now["key"][4:16] == report["new_key"] and now["other"] == "kept" and desk.opens(now["key"])


def test_recipes_are_listed_and_an_unknown_one_names_those_that_there_are():
    listed = json.loads(run("key", "recipe", "--format", "json").stdout)
    # A recipe that is added is tried on a file above.
    assert {recipe["name"] for recipe in listed} == {name for name, *_ in RECIPES} | ELSEWHERE
    refused = run("key", "recipe", "nonsense")
    assert refused.returncode == REFUSED and b"wazuh" in refused.stderr
