"""`assay key update` with a secret in Vault."""

import itertools
import json
import secrets

import pytest

import vault as vaults
from update_desk import DONE, REFUSED, ROLLED_BACK, UNFINISHED


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
