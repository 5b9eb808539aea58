// The whole experiment is in the address, after the #:
//
//   #preset=crash                 a built-in scenario
//   #scenario=nodes%203%0Aat...   any scenario, percent-encoded
//   &seed=7                       another seed than 1
//   &at=10.1                      the moment, in seconds; without it, shortly before the first step
//   &select=node-1 or node-1,node-3    what is chosen
//   &tab=events                   beliefs, events, text or compare
//   &lesson=off                   do not ask before it runs

/** What the address says; `null` where it says nothing. */
export function read(hash) {
  const said = new URLSearchParams(hash.replace(/^#/, ''));
  const number = (key, least) => {
    const value = said.get(key);
    return value != null && value.trim() !== '' && Number(value) >= least ? Number(value) : null;
  };
  const chosen = (said.get('select') ?? '').split(',').map((word) => /^node-([1-9])$/.exec(word.trim())).filter(Boolean).map((found) => Number(found[1]) - 1);
  return {
    preset: said.get('preset'),
    scenario: said.get('scenario'),
    seed: Number.isSafeInteger(number('seed', 0)) ? number('seed', 0) : 1,
    at: number('at', 0),
    chosen: chosen.length === 1 || (chosen.length === 2 && chosen[0] !== chosen[1]) ? chosen.sort() : null,
    tab: said.get('tab'),
    lesson: said.get('lesson') !== 'off',
  };
}

/** The address of an experiment, from its #. */
export function write({ preset, text, seed, at, chosen, tab, lesson }) {
  const parts = [preset ? `preset=${preset}` : `scenario=${encodeURIComponent(text)}`];
  if (seed !== 1) parts.push(`seed=${seed}`);
  if (at != null) parts.push(`at=${Number(at.toFixed(3))}`);
  if (chosen) parts.push(`select=${chosen.map((node) => `node-${node + 1}`).join(',')}`);
  if (tab !== 'beliefs') parts.push(`tab=${tab}`);
  if (!lesson) parts.push('lesson=off');
  return `#${parts.join('&')}`;
}
