"""Tells Assay keys from other hexadecimal digits. Reads candidates, one a line; prints the ids of those that are keys."""

import sys
import zlib


def is_assay_key(text: str) -> bool:
    """Marker and checksum: CRC-32 (ISO-HDLC) of the first 28 bytes, in the last 4."""
    if len(text) != 64 or not text.startswith("a55a"):
        return False
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return False
    return zlib.crc32(key[:28]) == int.from_bytes(key[28:], "big")


if __name__ == "__main__":
    ids = [line.strip()[4:16] for line in sys.stdin if is_assay_key(line.strip())]
    print("\n".join(ids))
    sys.exit(1 if ids else 0)
