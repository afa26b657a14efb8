"""Reads a backup without a line of the program: prints the SHA-256 and the path of every file as JSON.

Arguments: the folder of backups, and a secret key of age or nothing.
"""

import hashlib
import json
import pathlib
import sys

import zstandard

folder = pathlib.Path(sys.argv[1])
identity = sys.argv[2] if len(sys.argv) > 2 else None
keys = {}


def key_of(name):
    if name not in keys:
        import pyrage

        stored = (folder / "keys" / f"{name}.age").read_bytes()
        keys[name] = pyrage.decrypt(stored, [pyrage.x25519.Identity.from_str(identity)])
    return keys[name]


def read_object(name):
    stored = (folder / "objects" / name[:2] / name).read_bytes()
    head, digest, rest = stored[:8], stored[8:40], stored[40:]
    assert head[:5] == b"LLMB\x01" and hashlib.sha256(head + rest).digest() == digest
    if head[5] & 2:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        rest = AESGCM(key_of(rest[:16].hex())).decrypt(rest[16:28], rest[28:], name.encode())
    if head[5] & 1:
        rest = zstandard.ZstdDecompressor().decompressobj().decompress(rest)
    assert hashlib.sha256(rest).hexdigest() == name
    return rest


(record,) = (folder / "snapshots").iterdir()
snapshot = json.loads(record.read_text())
assert hashlib.sha256(record.read_bytes()).hexdigest()[:16] == record.stem.split("-")[1]
files = {}
for entry in json.loads(b"".join(map(read_object, snapshot["tree"]))):
    if entry["kind"] == "file":
        content = b"".join(map(read_object, entry["chunks"]))
        assert len(content) == entry["sizeBytes"]
        files[entry["path"]] = hashlib.sha256(content).hexdigest()
print(json.dumps(files))
