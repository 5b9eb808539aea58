// What should happen? A question for each built-in scenario. The run decides which answer is right, not this file.

/** What a run showed, as the answers ask for it. Nodes are numbered from 1 here, as a reader counts. */
export class Facts {
  constructor(run) {
    this.run = run;
    this.events = run.told.filter((entry) => entry.event);
  }

  /** Of one observer about one peer, from `from` on. */
  about(observer, peer, from = 0) {
    return this.events.filter((entry) => entry.node === observer - 1 && entry.peer === peer - 1 && entry.at >= from);
  }

  reached(state, observer, peer, from) {
    return this.about(observer, peer, from).some((entry) => entry.state === state);
  }

  anyone(state) {
    return this.events.some((entry) => entry.state === state);
  }

  event(name, observer, peer) {
    return this.about(observer, peer).some((entry) => entry.event === name);
  }

  self(name, observer) {
    return this.events.some((entry) => entry.node === observer - 1 && entry.event === name);
  }

  verdict(observer, peer) {
    return this.about(observer, peer).findLast((entry) => entry.verdict)?.verdict;
  }

  /** Seconds from the first step until the last of the others called the peer dead; Infinity where one never did. */
  detection(peer) {
    const began = this.run.first;
    const others = Array.from({ length: this.run.nodes }, (_, node) => node + 1).filter((node) => node !== peer);
    const first = others.map((observer) => this.about(observer, peer).find((entry) => entry.state === 'dead')?.at ?? Infinity);
    return Math.max(...first) - began;
  }
}

const howSoon = (peer) => [
  ['Within a second', (facts) => facts.detection(peer) < 1],
  ['After 2 to 4 seconds', (facts) => facts.detection(peer) >= 1 && facts.detection(peer) < 5],
  ['After about 10 seconds', (facts) => facts.detection(peer) >= 5 && facts.detection(peer) < Infinity],
];

const of_link = [
  ['node-2 is dead', (facts) => facts.reached('dead', 1, 2)],
  ['node-2 is alive, but my link to it is broken', (facts) => facts.reached('unreachable', 1, 2) && !facts.reached('dead', 1, 2)],
  ['Nothing: it asks node-3 to pass its pings on', (facts) => !facts.reached('unreachable', 1, 2) && !facts.reached('dead', 1, 2)],
];

/** Does any node of the first group call one of the second dead? */
const calls = (facts, ones, others) => ones.some((one) => others.some((other) => facts.reached('dead', one, other)));

const sides = (ones, others) => [
  ['Both sides', (facts) => calls(facts, ones, others) && calls(facts, others, ones)],
  ['Only the side with node-1', (facts) => calls(facts, ones, others) && !calls(facts, others, ones)],
  ['Neither', (facts) => !calls(facts, ones, others) && !calls(facts, others, ones)],
];

const who_is_cut = [
  ['Both ends', (facts) => facts.reached('unreachable', 1, 2) && facts.reached('unreachable', 2, 1)],
  ['node-1 alone', (facts) => facts.reached('unreachable', 1, 2) && !facts.reached('unreachable', 2, 1)],
  ['node-2 alone', (facts) => !facts.reached('unreachable', 1, 2) && facts.reached('unreachable', 2, 1)],
];

const lone = (peers) => {
  const dead = (facts) => peers.some(([one, other]) => facts.reached('dead', one, other));
  const cut = (facts) => peers.some(([one]) => facts.self('self_cut_off', one));
  return [
    ['The others are dead', (facts) => dead(facts)],
    ['I am cut off, or they are all down: I cannot tell', (facts) => cut(facts) && !dead(facts)],
    ['Nothing', (facts) => !cut(facts) && !dead(facts)],
  ];
};

export const LESSONS = {
  crash: ['node-3 is killed with kill -9. Its process is gone, its machine runs on. How soon do the others report it as dead?', howSoon(3)],
  'crash-container': ['node-3 is killed together with its network: first a refusal, then silence. How soon do the others report it as dead?', howSoon(3)],
  'silent-host': ['node-3 loses power. It does not respond at all. How soon do the others report it as dead?', howSoon(3)],
  freeze: ['node-3 is paused for 20 s. Its kernel still accepts connections, but no process answers. How soon do the others report it as dead?', howSoon(3)],
  'freeze-short': ['node-3 is paused for 8 s. What do the others believe?', [
    ['It is dead', (facts) => facts.anyone('dead')],
    ['It is suspect, and then fine', (facts) => facts.reached('suspect', 1, 3) && !facts.anyone('dead')],
    ['They do not notice', (facts) => !facts.reached('suspect', 1, 3)],
  ]],
  'observer-freeze': ['node-1 is paused for 12 s. When it wakes, it has not heard from anyone for 12 s. How does it report the others?', [
    ['Dead', (facts) => facts.reached('dead', 1, 2) || facts.reached('dead', 1, 3)],
    ['Unreachable', (facts) => facts.reached('unreachable', 1, 2) || facts.reached('unreachable', 1, 3)],
    ['Nothing: it did not run, so it pings them again first', (facts) => [2, 3].every((peer) => !facts.reached('dead', 1, peer) && !facts.reached('unreachable', 1, peer))],
  ]],
  restart: ['node-3 is killed and started again 0.2 s later. What do the others report?', [
    ['An outage, and that it is over', (facts) => facts.anyone('dead')],
    ['A restart, but no outage', (facts) => facts.event('peer_restarted', 1, 3) && !facts.anyone('dead')],
    ['Nothing: it was too short', (facts) => !facts.event('peer_restarted', 1, 3) && !facts.anyone('dead')],
  ]],
  'late-restart': ['node-3 is dead for 5 s and is then started again. What do the others report?', [
    ['Nothing more: dead is final', (facts) => !facts.event('peer_recovered', 1, 3) && !facts.event('peer_restarted', 1, 3)],
    ['It is back, under a new boot', (facts) => facts.event('peer_restarted', 1, 3)],
    ['It is back, the same as before', (facts) => facts.event('peer_recovered', 1, 3) && !facts.event('peer_restarted', 1, 3)],
  ]],
  leave: ['node-3 is stopped cleanly and says goodbye. How do the others report it?', [
    ['Dead', (facts) => facts.anyone('dead')],
    ['Left', (facts) => facts.reached('left', 1, 3) && !facts.anyone('dead')],
    ['Unreachable', (facts) => facts.anyone('unreachable')],
  ]],
  'cut-link': ['The link of node-1 and node-2 is cut. node-3 reaches both. What does node-1 report?', of_link],
  'one-way': ['Requests of node-1 to node-2 are dropped. Those of node-2 to node-1 arrive and are answered. Who reports a broken link?', who_is_cut],
  'one-direction': ['All packets from node-1 to node-2 are dropped, answers too. Packets from node-2 arrive. Who reports a broken link?', who_is_cut],
  'reject-link': ['A firewall refuses every connection of node-1 and node-2, as a machine without the process would. What does node-1 report?', of_link],
  'partition-2-2': ['Four nodes are split in halves. Which side reports the other as dead?', sides([1, 2], [3, 4])],
  'partition-3-2': ['Five nodes are split, three to two. Which side reports the other as dead?', sides([1, 2, 3], [4, 5])],
  'split-heals': ['node-2 is paused for 2 s, and right after that the four are split in halves for 8 s. Is a node reported as dead?', [
    ['Yes: node-2, which was paused', (facts) => [1, 3, 4].some((one) => facts.reached('dead', one, 2))],
    ['Yes: the other half', (facts) => facts.anyone('dead') && ![1, 3, 4].some((one) => facts.reached('dead', one, 2))],
    ['No', (facts) => !facts.anyone('dead')],
  ]],
  isolated: ['node-3 loses its network, and hears no one. What does node-3 say?', lone([[3, 1], [3, 2]])],
  'two-of-three': ['node-2 and node-3 are killed at once. node-1 has no one left to ask. How does it report them?', [
    ['Dead, confirmed', (facts) => facts.verdict(1, 2) === 'down'],
    ['Dead, but marked as unconfirmed', (facts) => facts.verdict(1, 2) === 'unconfirmed'],
    ['It never decides', (facts) => !facts.reached('dead', 1, 2)],
  ]],
  'three-of-five': ['Three of five are killed at once. Two are left, which is no majority of five. Do they report the three as dead?', [
    ['No: two of five are too few', (facts) => !calls(facts, [1, 2], [3, 4, 5])],
    ['Yes: those that are down themselves do not count', (facts) => facts.verdict(1, 3) === 'down'],
    ['Yes, but unconfirmed', (facts) => facts.verdict(1, 3) === 'unconfirmed'],
  ]],
  suspended: ['Two nodes are suspended for 15 s with their machine, and node-1 runs again first. Nothing answers it yet. Does it report node-2 as dead?', [
    ['Yes: it has not heard from it for 15 s', (facts) => facts.reached('dead', 1, 2)],
    ['No: time counts only while node-1 runs', (facts) => facts.reached('suspect', 1, 2) && !facts.reached('dead', 1, 2)],
    ['It does not notice anything', (facts) => !facts.reached('suspect', 1, 2)],
  ]],
  'three-links': ['A firewall refuses node-5 to three of five nodes. node-4 still reaches it. How do the three report it?', [
    ['Dead: three of four agree', (facts) => calls(facts, [1, 2, 3], [5])],
    ['Alive, but not reached from here: one witness outweighs three', (facts) => facts.reached('unreachable', 1, 5) && !calls(facts, [1, 2, 3], [5])],
    ['Nothing', (facts) => !facts.reached('unreachable', 1, 5) && !calls(facts, [1, 2, 3], [5])],
  ]],
  redeploy: ['node-3 says goodbye, starts again, and is killed 8 s later. Is the death reported?', [
    ['No: it has said goodbye', (facts) => !facts.reached('dead', 1, 3)],
    ['Yes, at once: a goodbye is of one life only', (facts) => facts.reached('dead', 1, 3)],
  ]],
  lossy: ['The link of node-1 and node-2 loses 40 % of its packets. How does node-1 report node-2?', [
    ['Dead', (facts) => facts.reached('dead', 1, 2)],
    ['Degraded: alive, but many pings fail', (facts) => facts.event('peer_degraded', 1, 2) && !facts.reached('dead', 1, 2)],
    ['Nothing: TCP hides the loss', (facts) => !facts.event('peer_degraded', 1, 2) && !facts.reached('dead', 1, 2)],
  ]],
  flap: ['node-3 is killed and started three times within 25 s. What is reported besides each outage?', [
    ['Nothing more', (facts) => !facts.event('peer_flapping', 1, 3)],
    ['That it is flapping', (facts) => facts.event('peer_flapping', 1, 3)],
    ['That node-1 is cut off', (facts) => facts.self('self_cut_off', 1)],
  ]],
  'dark-but-one': ['Four of five lose power at once. What does node-1, the last one, say?', lone([[1, 2], [1, 3], [1, 4], [1, 5]])],
  'never-up': ['node-3 is on the list of the others, but was never started. How do they report it?', [
    ['Dead', (facts) => facts.anyone('dead')],
    ['Never seen: reported once', (facts) => facts.event('peer_never_seen', 1, 3) && !facts.anyone('dead')],
    ['Nothing', (facts) => !facts.event('peer_never_seen', 1, 3) && !facts.anyone('dead')],
  ]],
  'starved-observer': ['node-1 gets no processor time: it reads everything 0.5 to 2.5 s late. Which node is reported as dead?', [
    ['node-1, by the others', (facts) => calls(facts, [2, 3], [1])],
    ['The others, by node-1', (facts) => calls(facts, [1], [2, 3])],
    ['No one', (facts) => !facts.anyone('dead')],
  ]],
  'no-streams': ['node-3 is killed, and here the nodes hold no event streams that would end with it. How soon do the others report it as dead?', [
    ['Within half a second, as with streams', (facts) => facts.detection(3) < 0.5],
    ['Within 2.5 s: the next ping finds out', (facts) => facts.detection(3) >= 0.5 && facts.detection(3) <= 2.5],
    ['After about 10 seconds', (facts) => facts.detection(3) > 2.5],
  ]],
};

/** The question about a run, with which answers hold; `null` where there is none. */
export function lessonOf(preset, run) {
  const found = LESSONS[preset];
  if (!found) return null;
  const facts = new Facts(run);
  const [question, options] = found;
  return { question, options: options.map(([text, holds]) => ({ text, holds: holds(facts) })) };
}
