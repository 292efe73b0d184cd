"""HTTP below the level of a client library: bytes as sent, bytes as answered."""

import socket
from dataclasses import dataclass, field


@dataclass
class Answer:
    """What came back: nothing (status 0) when the connection was closed without a word."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def exchange(port: int, request: bytes, *, then_close: bool = False, within: float = 20) -> Answer:
    """Sends these bytes and reads one answer. `then_close` ends our side of the connection after sending."""
    with socket.create_connection(("127.0.0.1", port), timeout=within) as connection:
        try:
            connection.sendall(request)
            if then_close:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # It answered before we were done; what it said can still be read.
        received = b""
        try:
            while b"\r\n\r\n" not in received:
                piece = connection.recv(65536)
                if not piece:
                    return Answer()
                received += piece
            head, _, body = received.partition(b"\r\n\r\n")
            answer = _read_head(head)
            wanted = int(answer.headers.get("content-length", "0"))
            while len(body) < wanted and (piece := connection.recv(65536)):
                body += piece
        except ConnectionResetError:
            return Answer()
        answer.body = body
        return answer


def _read_head(head: bytes) -> Answer:
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(":", 1) for line in lines)
    return Answer(int(first.split(" ")[1]), {name.lower(): value.strip() for name, value in headers.items()})


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request as bytes. `Host` and `Connection: close` are added unless said."""
    said = {"Host": "localhost", "Connection": "close"} | headers
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
