"""`assay key update` where something fails: everything is as it was, or it is told what is not."""

import os
import subprocess
import threading
import time

import pytest

from assay import run
from test_full_disk import fill
from update_desk import DONE, REFUSED, ROLLED_BACK, STRANDED, UNFINISHED, Service, once, read_key


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


@pytest.mark.parametrize("way", ["--resume", "--roll-back"])
def test_a_put_back_whose_old_key_ends_meanwhile_is_completed_instead(desk, server, way):
    path = desk.file(".env", "VT_API_KEY=KEY\n")
    second = desk.file("b", "KEY")
    desk.plan(
        {"file": ".env", "env": "VT_API_KEY", "reload": ["sh", "-c", "test -e mended"]}, {"file": "b", "whole": True},
    )
    assert desk.update()[0] == UNFINISHED and read_key(path) == desk.key, desk.said
    assert server.post(f"/api_keys/{desk.key[4:16]}/revoke").status_code == 200
    (desk.folder / "mended").touch()
    status, report = desk.update(way)
    assert (status, report["outcome"]) == (DONE, "done"), desk.said
    assert "completed instead" in report["notices"][0]
    new = read_key(path)
    assert second.read_text() == new and desk.live() == [new[4:16]] and desk.opens(new)
    assert sorted(os.listdir(desk.folder)) == [".env", "b", "mended", "plan.toml"]


def test_a_run_both_of_whose_keys_have_ended_is_given_up(desk, server):
    path = desk.file(".env", "VT_API_KEY=KEY\n")
    desk.plan({"file": ".env", "env": "VT_API_KEY", "reload": ["sh", "-c", "test -e mended"]})
    assert desk.update()[0] == UNFINISHED, desk.said
    for key in desk.live():
        assert server.post(f"/api_keys/{key}/revoke").status_code == 200
    status, report = desk.update("--roll-back")
    assert (status, report["outcome"]) == (STRANDED, "stranded") and "make a new key" in report["notices"][0], desk.said
    assert sorted(os.listdir(desk.folder)) == [".env", "plan.toml"] and read_key(path) == desk.key
    assert desk.update("--resume")[1]["outcome"] == "nothing"


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


def test_a_file_system_that_cannot_be_written_is_told_before_anything_is_changed(desk, small_disk):
    path = desk.file(".env", "VT_API_KEY=KEY\n")
    other = small_disk / "b.env"
    other.write_text(path.read_text())
    other.chmod(0o600)
    desk.plan({"file": ".env", "env": "VT_API_KEY"}, {"file": str(other), "env": "VT_API_KEY"})
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    status, report = desk.update()
    assert status == REFUSED and "may not be written" in report["targets"][1]["problems"][0], desk.said
    assert read_key(path) == read_key(other) == desk.key and desk.live() == [desk.key[4:16]]
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert desk.update()[0] == DONE and read_key(path) == read_key(other) != desk.key, desk.said


def test_a_disk_without_room_for_a_target_puts_everything_back(desk, small_disk):
    path = desk.file(".env", "VT_API_KEY=KEY\n")
    other = small_disk / "b.env"
    text = path.read_text() + "# " + "x" * 8_192 + "\n"
    other.write_text(text)
    other.chmod(0o600)
    desk.plan({"file": ".env", "env": "VT_API_KEY"}, {"file": str(other), "env": "VT_API_KEY"})
    fill(small_disk)
    status, report = desk.update()
    assert status == ROLLED_BACK and "b.env" in report["cause"], desk.said
    assert read_key(path) == desk.key and other.read_text() == text and desk.live() == [desk.key[4:16]]
    assert sorted(os.listdir(small_disk)) == ["b.env", "ballast"]
    (small_disk / "ballast").unlink()
    assert desk.update()[0] == DONE and read_key(path) == read_key(other) != desk.key, desk.said


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
