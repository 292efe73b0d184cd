"""Harmless files to scan, made at run time."""

import hashlib
import io
import random
import uuid
import zipfile
import zlib


def eicar() -> bytes:
    """The EICAR test string; put together here so that no file of ours holds it."""
    return b"".join([rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$", b"EICAR-STANDARD-", b"ANTIVIRUS-TEST-FILE!$H+H*"])


def unique(tag: str = "sample", size: int = 0) -> bytes:
    """Text that no test has made before, at least `size` bytes of it."""
    line = f"{tag} {uuid.uuid4()}\n".encode()
    return line if size <= len(line) else line + bytes(size - len(line))


def unique_malware() -> bytes:
    """EICAR followed by white space, as its definition allows (128 bytes in all): a new file each time."""
    return eicar() + bytes(random.SystemRandom().choices(b" \t", k=56))


def archive(**members: bytes) -> bytes:
    """A ZIP archive of these members."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as files:
        for name, content in members.items():
            files.writestr(name, content)
    return packed.getvalue()


def locked_zip(content: bytes, password: bytes = b"infected", members: int = 1) -> bytes:
    """An archive under the old ZIP encryption, which the standard library can read but not write: PKWARE's APPNOTE 6.1."""
    return _PlainZip(password).archive([(f"member-{index}.txt", content) for index in range(members)])


def locked_bomb(size: int, password: bytes = b"infected") -> bytes:
    """An archive under the old encryption whose one member is `size` zero bytes: a thousandth of that packed."""
    return _PlainZip(password, packed=True).archive([("zeros", bytes(size))])


def sha256(content: bytes) -> str:
    """Its SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


class _PlainZip:
    """Writes members under the traditional encryption, stored or packed."""

    def __init__(self, password: bytes, packed: bool = False):
        self.password = password
        self.packed = packed
        self.table = [self._crc_row(index) for index in range(256)]

    @staticmethod
    def _crc_row(value: int) -> int:
        for _ in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
        return value

    def _crc(self, crc: int, byte: int) -> int:
        return (crc >> 8) ^ self.table[(crc ^ byte) & 0xFF]

    def _encrypt(self, plain: bytes) -> bytes:
        keys = [0x12345678, 0x23456789, 0x34567890]

        def update(byte: int):
            keys[0] = self._crc(keys[0], byte)
            keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
            keys[2] = self._crc(keys[2], keys[1] >> 24)

        for byte in self.password:
            update(byte)
        encrypted = bytearray()
        for byte in plain:
            word = (keys[2] | 2) & 0xFFFF
            encrypted.append(byte ^ (((word * (word ^ 1)) >> 8) & 0xFF))
            update(byte)
        return bytes(encrypted)

    def archive(self, members: list[tuple[str, bytes]]) -> bytes:
        """The archive of these members."""
        out, directory = bytearray(), bytearray()
        for name, content in members:
            checksum, stored, method = zlib.crc32(content), content, 0
            if self.packed:
                deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
                stored, method = deflate.compress(content) + deflate.flush(), 8
            # Eleven bytes of salt and the checksum's highest byte, by which a reader knows a wrong password.
            body = self._encrypt(bytes(11) + bytes([checksum >> 24]) + stored)
            sizes = (checksum, 4), (len(body), 4), (len(content), 4)
            common = _little((20, 2), (1, 2), (method, 2), (0, 2), (0x21, 2), *sizes)
            offset = len(out)
            out += b"PK\x03\x04" + common + _little((len(name), 2), (0, 2)) + name.encode() + body
            directory += b"PK\x01\x02" + _little((20, 2)) + common
            directory += _little((len(name), 2), (0, 2), (0, 2), (0, 2), (0, 2), (0, 4), (offset, 4)) + name.encode()
        count, start = len(members), len(out)
        out += directory + b"PK\x05\x06"
        out += _little((0, 2), (0, 2), (count, 2), (count, 2), (len(directory), 4), (start, 4), (0, 2))
        return bytes(out)


def _little(*fields: tuple[int, int]) -> bytes:
    return b"".join(value.to_bytes(size, "little") for value, size in fields)
