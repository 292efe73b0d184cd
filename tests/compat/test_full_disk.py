"""A disk that is full: uploads are answered 503 and nothing breaks; with room again it goes on without a restart."""

import time

from assay import Server
from samples import sha256, unique

MIB = 1 << 20


def fill(folder) -> None:
    """Leaves no byte free."""
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        for size in (MIB, 4096, 1):
            try:
                while True:
                    ballast.write(bytes(size))
            except OSError:
                continue


def test_a_full_disk_answers_503_and_recovers(small_disk, tmp_path):
    server = Server(tmp_path, data=small_disk / "data")
    server.start()
    try:
        kept = server.scan(unique("before", MIB))
        fill(small_disk)

        for content in (unique("small"), unique("large", 8 * MIB)):
            answer = server.post("/files", files={"file": ("a.bin", content)})
            assert answer.status_code == 503, answer.text
            assert answer.json()["error"]["code"] == "TransientError"
            assert server.get(f"/files/{sha256(content)}").status_code == 404
        # Whatever happens to an address of its own, it is no other error.
        address = server.get("/files/upload_url")
        assert address.status_code in (200, 503)
        if address.status_code == 200:
            assert server.post(address.json()["data"], files={"file": ("a", unique("", MIB))}).status_code == 503
        assert server.post(f"/files/{kept['id']}/analyse").status_code in (200, 503)

        # What is known is still told.
        assert server.alive()
        assert server.get(f"/files/{kept['id']}").json()["data"]["id"] == kept["id"]
        assert server.get(f"/files/{kept['id']}/download").content

        (small_disk / "ballast").unlink()
        content = unique("after", MIB)
        deadline = time.monotonic() + 20
        while (answer := server.post("/files", files={"file": ("a.bin", content)})).status_code == 503:
            assert time.monotonic() < deadline, "it does not recover"
            time.sleep(0.2)
        assert answer.status_code == 200, answer.text
        server.analysis(answer.json()["data"]["id"])
        assert server.get(f"/files/{sha256(content)}").status_code == 200
        # Half-written files of the time without room are gone.
        assert not list((server.data / "blobs" / "incoming").iterdir())
    finally:
        if server.process is not None:
            server.kill9()
