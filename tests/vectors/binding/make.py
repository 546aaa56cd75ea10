#!/usr/bin/env python3
"""Writes vectors.json: bindings computed from their definition, with nothing but Python's standard library.

It shares no code with the Rust implementation. `make.py --check` only compares, and fails if the file differs.
"""

import hashlib
import hmac
import json
import pathlib
import random
import struct
import sys

OUT = pathlib.Path(__file__).with_name("vectors.json")


def lp(*parts):
    return b"".join(struct.pack(">Q", len(part)) + part for part in parts)


def hkdf_sha256(secret, info, length=32):
    key = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.new(key, block + info + bytes([counter]), hashlib.sha256).digest()
        out, counter = out + block, counter + 1
    return out[:length]


def path_bytes(path):
    def element(part):
        if isinstance(part, int):
            return b"I" + struct.pack(">Q", part)
        return b"K" + part.encode()

    return lp(*(element(part) for part in path))


def leaf_bytes(leaf):
    state = b"E" if leaf["encrypted"] else b"C"
    kind = (leaf["type"] or "null").encode()
    return lp(path_bytes(leaf["path"]), state, kind, bytes.fromhex(leaf["value"]))


def iv(case, version=1):
    secret = bytes.fromhex(case["data_key"])
    binding = hkdf_sha256(secret, b"seal.dev/v1/binding")
    marker = hkdf_sha256(secret, b"seal.dev/v1/marker")
    bits = case["bits"]
    flags = bytes([version, bits])
    who = case["identity"]
    kubernetes = bits & 1
    identity = lp(
        who["group"].encode() if kubernetes else b"",
        who["kind"].encode() if kubernetes else b"",
        (who["type"] or "Opaque").encode() if kubernetes else b"",
        who["name"].encode() if bits & 2 else b"",
        who["namespace"].encode() if bits & 4 else b"",
    )
    rule = case["rule"] or ["", ""]
    text = lp(
        b"seal binding",
        flags,
        case["last_modified"].encode(),
        case["mac"].encode(),
        rule[0].encode(),
        rule[1].encode(),
        b"true" if case["mac_only_encrypted"] else b"false",
        identity,
        *sorted(leaf_bytes(leaf) for leaf in case["leaves"]),
    )
    tie = hmac.new(binding, text, hashlib.sha256).digest()[:22]
    mark = hmac.new(marker, flags + tie, hashlib.sha256).digest()[:8]
    return mark + flags + tie


def leaf(path, value=b"", kind="str", encrypted=True):
    if isinstance(value, str):
        value = value.encode()
    return {"path": path, "encrypted": encrypted, "type": kind, "value": value.hex()}


SECRET = {"group": "", "kind": "Secret", "type": "", "name": "db", "namespace": "shop"}
NOBODY = {"group": "", "kind": "", "type": "", "name": None, "namespace": None}
REGION = ["encrypted_regex", "^(data|stringData)$"]
LEAVES = [
    leaf(["stringData", "username"], "app"),
    leaf(["stringData", "password"], "hunter2"),
    leaf(["data", "token"], "aGVsbG8="),
]
TYPES = [
    leaf(["int"], "42", "int"),
    leaf(["float"], "0.1", "float"),
    leaf(["bool"], "True", "bool"),
    leaf(["time"], "2024-01-01T00:00:00Z", "time"),
    leaf(["bytes"], b"\xff\x00", "bytes"),
    leaf(["empty"], "", "str", False),
    leaf(["null"], "", None, False),
    leaf(["clear"], "not secret", "str", False),
]


def case(claim, **changes):
    made = {
        "claim": claim,
        "data_key": bytes(range(32)).hex(),
        "bits": 7,
        "identity": SECRET,
        "last_modified": "2026-11-20T12:49:18Z",
        "mac": hashlib.sha512(b"hunter2").hexdigest().upper(),
        "rule": REGION,
        "mac_only_encrypted": True,
        "leaves": LEAVES,
    }
    made.update(changes)
    made["leaf_bytes"] = [leaf_bytes(one).hex() for one in made["leaves"]]
    made["iv"] = iv(made).hex()
    return made


def cases():
    yield case("a Secret in its namespace")
    for bits in (0, 1, 3, 5, 7):
        yield case(f"flags {bits}", bits=bits)
    yield case("a plain file", bits=0, identity=NOBODY, leaves=TYPES)
    yield case("a Secret without name and namespace", bits=1, identity=dict(SECRET, name=None, namespace=None))
    yield case("an empty name is bound too", bits=3, identity=dict(SECRET, name=""))
    yield case("a name alone", bits=3, identity=dict(SECRET, namespace=None))
    yield case("a namespace alone", bits=5, identity=dict(SECRET, name=None))
    yield case("a type other than Opaque", identity=dict(SECRET, type="kubernetes.io/tls"))
    yield case("Opaque written out", identity=dict(SECRET, type="Opaque"))
    yield case("another group", identity=dict(SECRET, group="example.com", kind="Vault"))
    yield case("no leaves", leaves=[])
    yield case("every type of value", leaves=TYPES)
    yield case("leaves in another order", leaves=list(reversed(LEAVES)))
    yield case("the same leaf twice", leaves=LEAVES + LEAVES[:1])
    yield case("no rule", rule=None)
    for name in ("unencrypted_suffix", "encrypted_suffix", "unencrypted_regex",
                 "unencrypted_comment_regex", "encrypted_comment_regex"):
        yield case(f"rule {name}", rule=[name, "_x"])
    yield case("MAC over everything", mac_only_encrypted=False)
    yield case("a date with an offset", last_modified="2019-12-10T22:45:55+02:00")
    yield case("another data key", data_key="ff" * 32)
    paths = [
        [],
        [0],
        [2**32],
        ["list", 0],
        ["list", 1],
        ["list", 10],
        ["list", "0"],
        ["list", 0, "k", 3, 1],
        ["a:b", "c"],
        ["a", "b:c"],
        ["a", "b", "c"],
        [""],
        ["", ""],
        ["grüße", "🔐"],
        ["line\nbreak"],
        ["sops"],
    ]
    for path in paths:
        yield case(f"path {json.dumps(path)}", leaves=[leaf(path, "x")])
    yield case("all paths at once", leaves=[leaf(path, "x") for path in paths])
    values = ["", "x", "é", "🔐\n", b"\x00", b"\xff\xfe", "x" * 300]
    for value in values:
        yield case(f"a value of {len(leaf([], value)['value']) // 2} bytes", leaves=[leaf(["v"], value)])
    for encrypted in (True, False):
        for kind in ("str", "int", None):
            yield case(f"encrypted {encrypted}, type {kind}", leaves=[leaf(["v"], "1", kind, encrypted)])
    dice = random.Random(20261120)
    for number in range(40):
        words = ["", "a", "b", "a:", "data", "é", 0, 1, 7, 2**31]
        leaves = [
            leaf(
                [dice.choice(words) for _ in range(dice.randrange(5))],
                bytes(dice.randrange(256) for _ in range(dice.randrange(20))),
                dice.choice(["str", "int", "float", "bool", "time", "bytes", None]),
                dice.random() < 0.7,
            )
            for _ in range(dice.randrange(8))
        ]
        yield case(
            f"random {number}",
            data_key=bytes(dice.randrange(256) for _ in range(32)).hex(),
            bits=dice.choice([0, 1, 3, 5, 7]),
            leaves=leaves,
            mac_only_encrypted=dice.random() < 0.5,
        )


def refused():
    """Nonces that carry the marker but must be refused, and nonces without it."""
    base = case("base")
    secret = bytes.fromhex(base["data_key"])
    marker = hkdf_sha256(secret, b"seal.dev/v1/marker")

    def marked(version, bits):
        rest = bytes([version, bits]) + bytes(22)
        return (hmac.new(marker, rest, hashlib.sha256).digest()[:8] + rest).hex()

    for version in (0, 2, 255):
        yield {"data_key": base["data_key"], "iv": marked(version, 7), "is": "unknown version", "number": version}
    for bits in (2, 4, 6, 8, 15, 128, 255):
        yield {"data_key": base["data_key"], "iv": marked(1, bits), "is": "unknown flags", "number": bits}
    whole = bytes.fromhex(base["iv"])
    for iv_ in (b"", whole[:31], whole + b"\x00", bytes(32), bytes([whole[0] ^ 1]) + whole[1:],
                whole[:31] + bytes([whole[31] ^ 1]), whole[:9] + bytes([1]) + whole[10:]):
        yield {"data_key": base["data_key"], "iv": iv_.hex(), "is": "unbound", "number": None}


def main():
    made = {"bound": list(cases()), "refused": list(refused())}
    text = json.dumps(made, indent=1, ensure_ascii=True) + "\n"
    if "--check" in sys.argv[1:]:
        if OUT.read_text() != text:
            sys.exit("vectors.json is not what make.py writes")
    else:
        OUT.write_text(text)


if __name__ == "__main__":
    main()
