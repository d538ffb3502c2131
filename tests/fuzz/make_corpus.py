#!/usr/bin/env python3
"""Writes seeds for the fuzz targets, taken from the wire vectors: make_corpus.py DIR makes DIR/decode_frame, DIR/legacy and DIR/value."""
import json
import pathlib
import sys

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "data" / "wire.json"
HEADER_BYTES, HEADER_BYTES_TIMESTAMPED, TIMESTAMP_FLAG = 4, 12, 0x20
SET, SET_ADDRESS_AT = 0x21, 4


def payload(frame: bytes) -> bytes:
    if len(frame) < HEADER_BYTES:
        return b""
    return frame[HEADER_BYTES_TIMESTAMPED if frame[1] & TIMESTAMP_FLAG else HEADER_BYTES:]


def set_value(message: bytes) -> bytes:
    """Tag and data of the value of a SET; what follows it may stay, decoders stop in time."""
    if len(message) < SET_ADDRESS_AT or message[0] != SET:
        return b""
    address_bytes = int.from_bytes(message[2:4], "big")
    return bytes([message[1] & 0x0F]) + message[SET_ADDRESS_AT + address_bytes:]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    vectors = json.loads(VECTORS.read_text())
    frames = {row["name"]: bytes.fromhex(row["hex"]) for part in ("frames", "legacy", "decode_edge_cases") for row in vectors[part]}
    legacy = {name: payload(frame) for name, frame in frames.items() if name.startswith("legacy/")}
    values = {name: set_value(payload(frame)) for name, frame in frames.items()}
    for target, seeds in (("decode_frame", frames), ("legacy", legacy), ("value", values)):
        folder = root / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, seed in seeds.items():
            if seed:
                (folder / name.replace("/", "_")).write_bytes(seed)
        print(f"{folder}: {sum(1 for seed in seeds.values() if seed)} seeds")


if __name__ == "__main__":
    main()
