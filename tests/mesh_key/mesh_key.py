"""The mesh key in another language: makes the test vectors, and talks to a node.

    python3 mesh_key.py vectors > vectors.json
    python3 mesh_key.py ping HOST:PORT KEYFILE      # exit code 0: the answer is signed

Independent of the program on purpose: it was written from the description of the bytes in
docs/security.md, so a mistake in either shows as a difference.
"""
import base64, hashlib, hmac, http.client, json, os, struct, sys

F = lambda x: struct.pack(">I", len(x)) + x
N = lambda n: struct.pack(">I", n)


def tag(key, covered):
    return hmac.new(key, covered, hashlib.sha256).digest()


def key_id(key):
    return tag(key, b"heartbeat-mesh-1 key id")[:4]


def request(nonce, op, args, headers):
    named = sorted((name.lower().encode(), value.encode()) for name, value in headers)
    covered = F(b"heartbeat-mesh-1 request") + F(nonce) + F(op.encode()) + N(len(args))
    covered += b"".join(F(arg.encode()) for arg in args) + N(len(named))
    return covered + b"".join(F(name) + F(value) for name, value in named)


def answer(request_tag, body):
    return F(b"heartbeat-mesh-1 answer") + F(request_tag) + F(body)


def event(request_tag, number, name, data):
    return F(b"heartbeat-mesh-1 event") + F(request_tag) + struct.pack(">Q", number) + F(name.encode()) + F(data)


KEY, NONCE = bytes(range(32)), bytes(range(0xA0, 0xB0))
CALLER = [("heartbeat-node", "n1"), ("heartbeat-boot", "00000000000000a1"), ("heartbeat-seq", "61000"),
          ("heartbeat-state", "ready")]
KNOWN, ACK = ("heartbeat-known", "7"), ("heartbeat-ack", "00000000000000b2 59000")
BODY = ('{"node":"n2","boot":"00000000000000b2","seq":60010,"state":"ready","version":"0.2.0",'
        '"accusations":[],"watch":{"since":7,"rev":7,"peers":[]}}')
NEWS = '{"node":"n2"}'


def vectors():
    made = []

    def of_request(what, op, args, headers):
        covered = request(NONCE, op, args, headers)
        made.append({"what": what, "op": op, "args": args, "headers": headers, "bytes": len(covered),
                     "tag": tag(KEY, covered).hex()})
        return tag(KEY, covered)

    ping = of_request("ping", "GET /ping", [], CALLER + [KNOWN, ACK])
    of_request("first contact", "GET /ping", [], CALLER)
    witness = ["node-1:8002", "00000000000000c3"]
    of_request("witness question", "GET /api/v1/witness/{node}/{boot}", witness, CALLER + [ACK])
    of_request("history", "GET /api/v1/history", ["17"], CALLER + [ACK])
    of_request("an unknown heartbeat header", "GET /ping", [], CALLER + [("heartbeat-zone", "eu-1")])
    of_request("a byte moved between fields", "GET /api/v1/witness/{node}/{boot}",
               ["node-1:80020", "0000000000000c3"], CALLER + [ACK])
    for what, body in [("answer", BODY), ("answer of 1 MiB", "x" * (1 << 20))]:
        covered = answer(ping, body.encode())
        repeated = {"body": "x", "times": 1 << 20} if len(body) > 1000 else {"body": body, "times": 1}
        made.append({"what": what, **repeated, "bytes": len(covered), "tag": tag(KEY, covered).hex()})
    for number, name, data in [(0, "hello", BODY), (1, "news", NEWS)]:
        covered = event(ping, number, name, data.encode())
        made.append({"what": f"event {number}", "number": number, "event": name, "data": data, "bytes": len(covered),
                     "tag": tag(KEY, covered).hex()})
    return {"key": KEY.hex(), "key_id": key_id(KEY).hex(), "nonce": NONCE.hex(), "request_tag": ping.hex(),
            "vectors": made}


def ping(place, key_file):
    line = open(key_file).read().split()[0]
    key = bytes.fromhex(line) if len(line) == 64 else base64.b64decode(line + "=" * (-len(line) % 4))
    nonce = os.urandom(16)
    headers = [("heartbeat-node", "python"), ("heartbeat-boot", os.urandom(8).hex()), ("heartbeat-seq", "1"),
               ("heartbeat-state", "ready")]
    mac = tag(key, request(nonce, "GET /ping", [], headers))
    node = http.client.HTTPConnection(place, timeout=10)
    node.request("GET", "/ping", headers=dict(
        headers + [("heartbeat-mac", f"1 {key_id(key).hex()} {nonce.hex()} {mac.hex()}")]))
    reply = node.getresponse()
    body = reply.read()
    wanted = f"1 {tag(key, answer(mac, body)).hex()}"
    print(body.decode())
    return reply.status == 200 and hmac.compare_digest(reply.getheader("heartbeat-mac") or "", wanted)


if __name__ == "__main__":
    if sys.argv[1] == "vectors":
        print(json.dumps(vectors(), indent=1))
    else:
        sys.exit(0 if ping(*sys.argv[2:4]) else 1)
