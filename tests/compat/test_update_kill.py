"""`assay key update`, killed at every point that there is: completed or put back, never half."""

import itertools
import os

import pytest

from update_desk import DONE, KILLED, ROLLED_BACK, UNFINISHED, Service, read_key


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
