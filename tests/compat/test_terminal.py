"""What a person sees: the commands on a terminal of 80 columns."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
import unicodedata

import pytest

from assay import binary, environment
from samples import unique, unique_malware

COLUMNS = 80
SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_a_terminal(*arguments, within: float = 60, **more: str) -> tuple[int, str]:
    """Runs a command whose three streams are a terminal; its status and all that it wrote."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    command = [str(binary()), *map(str, arguments)]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(TERM="xterm-256color", **more))
    os.close(theirs)
    written, deadline = b"", time.monotonic() + within
    try:
        while select.select([ours], [], [], max(deadline - time.monotonic(), 0))[0]:
            try:
                some = os.read(ours, 65536)
            except OSError:  # Linux says so that nobody has the other end any more.
                break
            if not some:
                break
            written += some
        return process.wait(max(deadline - time.monotonic(), 1)), written.decode()
    finally:
        process.kill()
        os.close(ours)


def lines(written: str) -> list[str]:
    """What stands on the screen, line by line; each state of a line that is drawn over counts as one."""
    text = written.replace("\x1b[2K", "\n").replace("\r", "\n")
    return [line.rstrip() for line in SEQUENCES.sub("", text).split("\n")]


def too_wide(written: str, whole: str | None = None) -> list[str]:
    """The lines that do not fit; a word that may not be broken may have a line of its own, however long."""
    def width(line: str) -> int:
        return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)

    wide = [line for line in lines(written) if width(line) > COLUMNS]
    return [line for line in wide if not (whole and whole in line and len(line.split()) == 1)]


@pytest.fixture
def terminal(server):
    """Runs a command against the shared server, on a terminal."""

    def run(*arguments, **more: str) -> tuple[int, str]:
        return on_a_terminal(*arguments, **{"ASSAY_SERVER": server.url, "ASSAY_API_KEY_FILE": str(server.key_file)} | more)

    return run


def test_scans_and_reports_fit(terminal, tmp_path):
    folder = tmp_path / "a folder with a name of some length"
    folder.mkdir()
    (folder / "a name with blanks and 世界 that goes on for longer than a line of the terminal has room.txt").write_bytes(unique())
    (folder / "malware.com").write_bytes(unique_malware())
    status, written = terminal("scan", folder, tmp_path / "not-there")
    assert status == 2 and "malicious" in written and not too_wide(written), too_wide(written)
    status, written = terminal("file", "0" * 64)
    assert status == 2 and "assay scan PATH" in written and not too_wide(written), too_wide(written)


def test_lists_keep_words_whole_and_name_what_has_no_room(server, terminal):
    server.account("on-a-terminal", "premium")
    for command in (["user", "list"], ["tier", "list"], ["audit", "list"], ["user", "show", "operator"], ["usage", "--everyone"]):
        status, written = terminal(*command)
        assert status == 0 and not too_wide(written), (command, too_wide(written))
    status, written = terminal("audit", "list")
    assert "CREATE_USER" in written and "user/on-a-terminal" in written
    status, written = terminal("webhook", "list")
    assert (status, [line for line in lines(written) if line]) == (0, ["none"])


def test_a_new_key_stands_alone(server, terminal):
    server.account("given-a-key-on-a-terminal", "public")
    status, written = terminal("key", "create", "--account", "given-a-key-on-a-terminal")
    shown = [line for line in lines(written) if line]
    assert status == 0 and len(shown) == 2, shown
    assert re.fullmatch(r"a55a[0-9a-f]{60}", shown[0]) and "shown this once" in shown[1]


def test_the_doctor_breaks_lines_between_words(server, terminal):
    for more in ({}, {"ASSAY_SERVER": "http://127.0.0.1:1"}):
        status, written = terminal("doctor", **more)
        wide = too_wide(written, whole=str(server.key_file))
        assert status == (1 if more else 0) and not wide, wide
    assert "\n                     " in written.replace("\r", "")
