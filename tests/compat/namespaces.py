"""Networks of the tests' own: namespaces that are joined by a wire, where any address can be given to anybody. Needs root."""

import ctypes
import os
import subprocess
import threading

CLONE_NEWNET = 0x40000000


def _ip(*arguments: str):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Namespace:
    """A network namespace. What `run` is given happens in it: sockets that are made there, programs that are started."""

    def __init__(self, name: str):
        self.name = f"{name}-{os.getpid()}"
        _ip("netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *arguments: str):
        """Calls `ip` in it."""
        _ip("-n", self.name, *arguments)

    def run(self, work):
        """Calls `work` in a thread that has entered it, and answers its result."""
        outcome = {}

        def enter():
            try:
                with open(f"/run/netns/{self.name}", "rb") as place:
                    libc = ctypes.CDLL(None, use_errno=True)
                    if libc.setns(place.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "cannot enter the namespace")
                outcome["result"] = work()
            except BaseException as error:  # To be raised again where it is waited for.
                outcome["error"] = error

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if "error" in outcome:
            raise outcome["error"]
        return outcome["result"]

    def remove(self):
        """Ends it, and its side of every wire."""
        _ip("netns", "del", self.name)


def wire(one: Namespace, other: Namespace):
    """Joins two namespaces: `wire0` in each. The second is the first one's way to everywhere."""
    _ip("link", "add", "wire0", "netns", one.name, "type", "veth", "peer", "name", "wire0", "netns", other.name)
    for namespace, last in ((one, "1"), (other, "2")):
        namespace.ip("link", "set", "wire0", "up")
        namespace.ip("addr", "add", f"192.0.2.{last}/24", "dev", "wire0")
        namespace.ip("-6", "addr", "add", f"2001:db8::{last}/64", "dev", "wire0", "nodad")
    one.ip("route", "add", "default", "via", "192.0.2.2")
    one.ip("-6", "route", "add", "default", "via", "2001:db8::2")
