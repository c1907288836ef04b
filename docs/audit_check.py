#!/usr/bin/env python3
"""Checks what Prometric signs and proves, by docs/audit-format.md alone and with nothing but Python's own library.

    audit_check.py proof FILE KEY.pem     what `prometric audit prove` wrote
    audit_check.py heads FILE KEY.pem     what `prometric audit heads` wrote
    audit_check.py vectors FILE           docs/audit-vectors.json

Ends with 0 and says what was proved, or with 1 and says why not."""

import base64, copy, datetime, hashlib, json, sys, uuid


class Wrong(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Wrong(what)


# Ed25519, verification alone (RFC 8032, section 5.1.7). Slow, and of public values only, so that it may be.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, point):
    sum = (0, 1, 1, 0)
    while n:
        sum, point, n = add(sum, point) if n & 1 else sum, add(point, point), n >> 1
    return sum


def point(data):
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    need(y < P, "not a point of the curve")
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * ROOT % P
    need(x * x % P == square and not (x == 0 and sign), "not a point of the curve")
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def check_signature(key, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    need(len(signature) == 64 and s < L, "the signature is forged")
    k = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    left, right = times(s, BASE), add(point(r), times(k, point(key)))
    same = all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))
    need(same, "the signature is forged")


def public_key(pem):
    der = base64.b64decode("".join(line for line in pem.split("\n") if not line.startswith("-")))
    need(der[:12] == bytes.fromhex("302a300506032b6570032100") and len(der) == 44, "not an Ed25519 public key")
    return der[12:]


# Hashes.
def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def i64(number):
    return number.to_bytes(8, "big", signed=True)


def micros(text):
    """Microseconds since 1970 of an RFC 3339 time in UTC with up to six digits of a second's fraction."""
    need(text.endswith("Z"), "a time is not in UTC")
    whole, _, fraction = text[:-1].partition(".")
    since = datetime.datetime.fromisoformat(whole) - datetime.datetime(1970, 1, 1)
    return (since.days * 86400 + since.seconds) * 1_000_000 + int(fraction.ljust(6, "0")[:6])


def event_hash(workspace, previous, event):
    text = lambda t: len(t.encode()).to_bytes(8, "big") + t.encode()
    return sha256(
        previous, uuid.UUID(workspace).bytes, i64(event["position"]),
        text(event["category"]), text(event["type"]), uuid.UUID(event["stream"]).bytes,
        i64(event["version"]), uuid.UUID(event["id"]).bytes, event["schema"].to_bytes(4, "big", signed=True),
        i64(micros(event["recordedAt"])), sha256(event["data"].encode()), sha256(event["metadata"].encode()),
    )


def leaf(hash):
    return sha256(b"\0", hash)


def node(left, right):
    return sha256(b"\1", left, right)


def tree_root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return node(tree_root(leaves[:half]), tree_root(leaves[half:]))


def climb(at, last, path, before, after):
    """From a leaf or a subtree up to the root of the tree whose last leaf is `last`; `before` grows by left siblings alone."""
    for sibling in path:
        need(last > 0, "the path is too long")
        if at & 1 or at == last:
            before, after = node(sibling, before), node(sibling, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node(after, sibling)
        at, last = at >> 1, last >> 1
    need(last == 0, "the path is too short")
    return before, after


def check_inclusion(leaf, index, size, path, root):
    need(0 <= index < size, "there is no such leaf")
    need(climb(index, size - 1, path, leaf, leaf)[1] == root, "the path does not lead to the root")


def check_consistency(first, first_root, size, root, path):
    need(0 < first <= size, "not a smaller tree")
    if first == size:
        return need(not path and first_root == root, "the roots differ")
    path = path if first & (first - 1) else [first_root] + path
    need(path, "the path is too short")
    at, last = first - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    need(climb(at, last, path[1:], path[0], path[0]) == (first_root, root), "the path does not lead to the roots")


# What is signed.
def signed_bytes(head):
    root = bytes.fromhex(head.get("root", ""))
    return b"".join([
        b"prometric.log.head.v2\0" if root else b"prometric.log.head.v1\0", uuid.UUID(head["workspace"]).bytes,
        i64(head["position"]), bytes.fromhex(head["hash"]), root, i64(micros(head["recordedAt"])), head["keyId"].encode(),
    ])


def check_by(key, signed, message):
    need(sha256(key)[:8].hex() == signed["keyId"], "signed with another key")
    check_signature(key, message, bytes.fromhex(signed["signature"]))


def check_head(head, key):
    check_by(key, head, signed_bytes(head))


def check_receipt(receipt, maker, witness):
    head = receipt["head"]
    check_head(head, maker)
    digest = sha256(signed_bytes(head), bytes.fromhex(head["signature"]))
    message = b"prometric.witness.receipt.v1\0" + digest + i64(micros(receipt["seenAt"])) + receipt["keyId"].encode()
    check_by(witness, receipt, message)


def check_proof(file, key):
    need((file["format"], file["version"]) == ("prometric proof", 1), "not a proof of version 1")
    proof, path = file["proof"], [bytes.fromhex(hash) for hash in file["proof"]["path"]]
    if proof["kind"] == "inclusion":
        head, event = proof["head"], proof["event"]
        check_head(head, key)
        hash = event_hash(head["workspace"], bytes.fromhex(proof["previousHash"]), event)
        need(hash.hex() == event["hash"], "the event was changed")
        check_inclusion(leaf(hash), event["position"] - 1, head["position"], path, bytes.fromhex(head["root"]))
        return f"event {event['id']} is at position {event['position']} of workspace {head['workspace']}"
    need(proof["kind"] == "consistency", "not a kind of proof")
    first, second = proof["first"], proof["second"]
    check_head(first, key), check_head(second, key)
    need(first["workspace"] == second["workspace"], "of two workspaces")
    trees = [(head["position"], bytes.fromhex(head["root"])) for head in (first, second)]
    check_consistency(*trees[0], *trees[1], path)
    return f"the log at position {second['position']} of workspace {first['workspace']} goes on from position {first['position']}"


# The vectors: each holds, and does not when any text or number in it is changed.
def changes(value):
    """Every value that differs from this one in one place."""
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            for changed in changes(value[key]):
                other = copy.copy(value)
                other[key] = changed
                yield other
    elif isinstance(value, int):
        yield value + 1
    elif value:
        yield value[:-1] + ("1" if value[-1] != "1" else "2") if value[-1] != "Z" else value[:-2] + str((int(value[-2]) + 1) % 10) + "Z"


def check_vectors(vectors):
    maker, witness = (public_key(vectors["keys"][who]["publicKey"]) for who in ("maker", "witness"))
    hash, leaves = bytes(32), []
    for event, root in zip(vectors["events"], vectors["roots"], strict=True):
        hash = event_hash(vectors["workspace"], hash, event)
        need(hash.hex() == event["hash"], f"the hash at position {event['position']}")
        leaves.append(leaf(hash))
        need(tree_root(leaves).hex() == root, f"the root at position {event['position']}")
    checks = [(check_head, head, (maker,)) for head in vectors["heads"]]
    checks += [(check_proof, proof, (maker,)) for proof in vectors["proofs"]]
    checks += [(check_receipt, receipt, (maker, witness)) for receipt in vectors["receipts"]]
    wrong = 0
    for check, vector, keys in checks:
        check(vector, *keys)
        for changed in changes(vector):
            try:
                check(changed, *keys)
            except (Wrong, ValueError, KeyError, OverflowError):
                wrong += 1
            else:
                raise Wrong(f"{check.__name__} takes {json.dumps(changed)}")
    return f"{len(leaves)} events and {len(checks)} signed values are as they should be, and {wrong} changed ones are refused"


def main(what, file, *keys):
    with open(file, encoding="utf-8") as opened:
        content = json.load(opened)
    key = [public_key(open(file, encoding="utf-8").read()) for file in keys]
    if what == "vectors":
        return check_vectors(content)
    if what == "proof":
        return check_proof(content, *key)
    need(what == "heads" and content["format"] == "prometric heads", "not a file of heads")
    for head in content["heads"]:
        check_head(head, *key)
    return f"{len(content['heads'])} heads are signed with this key"


if __name__ == "__main__":
    try:
        print(main(*sys.argv[1:]))
    except (Wrong, ValueError, KeyError, TypeError, OSError) as wrong:
        sys.exit(f"wrong: {wrong}")
