#!/usr/bin/env python3
"""A detector for the table of `heartbeat evaluate`: a heartbeat each second, a suspicion after three without one.

    heartbeat evaluate crash --detector 'python3 examples/detectors/fixed_timeout.py'

Its figures are those of the built-in "fixed 3 s". docs/evaluation.md describes the lines.
"""

import json
import sys

SECOND = 1_000_000_000
INTERVAL = 1 * SECOND
TIMEOUT = 3 * SECOND


class Process:
    def __init__(self, start):
        self.life = start["life"]
        self.peers = [node for node in range(start["nodes"]) if node != start["node"]]
        self.next = start["first_ns"]
        self.number = 0
        self.heard = {}  # peer: its process, the number of its last heartbeat, when that came
        self.suspected = set()

    def message(self, now, sender, heartbeat):
        new = (heartbeat["life"], heartbeat["number"])
        if sender in self.heard and new <= self.heard[sender][:2]:
            return  # a later one has overtaken it
        self.heard[sender] = (*new, now)
        self.suspected.discard(sender)

    def wake(self, now):
        """What has to be sent."""
        for peer, (_, _, at) in self.heard.items():
            if at + TIMEOUT <= now:
                self.suspected.add(peer)
        if now < self.next:
            return []
        heartbeat = {"life": self.life, "number": self.number}
        while self.next <= now:  # after a pause, the missed ones are left out
            self.next += INTERVAL
            self.number += 1
        return [{"to": peer, "message": heartbeat} for peer in self.peers]

    def answer(self, number, sends):
        waits = [at + TIMEOUT for peer, (_, _, at) in self.heard.items() if peer not in self.suspected]
        opinions = {peer: "suspected" if peer in self.suspected else "trusted" for peer in self.peers}
        return {"number": number, "wake_ns": min([self.next, *waits]), "sends": sends, "opinions": opinions}


processes = {}
for line in sys.stdin:
    question = json.loads(line)
    number, key, sends = question["number"], question["process"], []
    if question["type"] == "start":
        processes[key] = Process(question)
    elif question["type"] == "message":
        processes[key].message(question["now_ns"], question["from"], question["message"])
    elif question["type"] == "wake":
        sends = processes[key].wake(question["now_ns"])
    if question["type"] == "end":
        del processes[key]
        answer = {"number": number, "wake_ns": None}
    else:
        answer = processes[key].answer(number, sends)
    print(json.dumps(answer), flush=True)
