// The page: one experiment, one run of it, one moment of that, and what is chosen in it.

import { read, write } from './address.js';
import { Compare } from './compare.js';
import { ask } from './engine.js';
import { Flight } from './flight.js';
import { Gestures, RULES, statement, withLine, withStatement } from './gestures.js';
import { Lesson } from './lesson-card.js';
import { Mesh } from './mesh.js';
import { Events, matrix, ofLink, ofNode, tone } from './panels.js';
import { Playback } from './playback.js';
import { make, name, runOf } from './run.js';

const at = (id) => document.getElementById(id);
const TABS = ['beliefs', 'events', 'text', 'compare'];
const SANDBOX = { name: 'sandbox', about: 'Five healthy nodes, and nothing happens: break them yourself.', text: 'scenario sandbox\nnodes 5\nlength 60s\n' };
/** A watcher sees this much of the run before the first step. */
const LEAD = 1.5;
const UNDO_MAX = 100;

let presets = [SANDBOX];
/** The experiment. `preset` is its name while the text is that of a preset. */
const state = { text: '', preset: null, seed: 1, chosen: null, tab: 'beliefs', asks: true, run: null };
const undo = [];
let written = '';
let version = 0;

const mesh = new Mesh(at('mesh'), choose);
mesh.turned = () => state.run && show(playback.t, playback.speed());
const flight = new Flight(at('flight'), mesh);
const playback = new Playback(show);
const gestures = new Gestures(at('gestures'), act, () => show(playback.t, playback.speed()));
const events = new Events(at('events'), (t) => stop(t));
const compare = new Compare(at('compare'));
const lesson = new Lesson(at('lesson'), { play: () => playback.play(), next: nextPreset });

/** Runs a text. A text with problems is shown with them, and the run before stays. */
async function run(text, { t = playback.t, plays = false, fresh = false } = {}) {
  version += 1;
  const mine = version;
  state.text = text;
  if (at('scenario').value !== text) at('scenario').value = text;
  const answer = await ask({ ask: 'run', text, seed: state.seed });
  if (mine !== version) return;
  state.preset = presets.find((preset) => preset.text === text && (state.preset == null || preset.name === state.preset || fresh))?.name ?? null;
  at('preset').value = state.preset ?? '';
  problems(answer);
  if (!answer.trace) {
    if (fresh) tab('text');
    return;
  }
  const loaded = runOf(answer);
  state.run = loaded;
  if (state.chosen?.some((node) => node >= loaded.nodes)) state.chosen = null;
  mesh.build(loaded.nodes);
  marks(loaded);
  events.load(loaded);
  lesson.load(state.asks && fresh && t == null ? state.preset : null, loaded, presets.find((preset) => preset.name === state.preset));
  about(loaded, lesson.lesson != null);
  seen = {};
  playback.load(loaded, t ?? Math.max(0, loaded.first - LEAD));
  if (plays && !playback.playing) playback.play();
  if (state.tab === 'compare') void loadCompare();
  remember();
  document.body.dataset.trace = loaded.trace;
}

function problems(answer) {
  const found = answer.problems ?? [];
  at('scenario').setAttribute('aria-invalid', String(found.length > 0));
  at('problems').replaceChildren(...found.map(({ line, problem, accepted }) => make('li', {},
    make('button', { type: 'button', class: 'plain', onclick: () => mark(line) }, `Line ${line}`), `: ${problem}. Accepted: ${accepted}`)));
  at('tab-text').classList.toggle('wrong', found.length > 0);
  at('failure').hidden = !answer.refused;
  at('failure').textContent = answer.refused ?? '';
}

/** Selects a line of the text. */
function mark(line) {
  const box = at('scenario');
  const before = box.value.split('\n').slice(0, line - 1).join('\n').length;
  const start = line > 1 ? before + 1 : 0;
  box.focus();
  box.setSelectionRange(start, start + (box.value.split('\n')[line - 1] ?? '').length);
}

function about(loaded, asksNow) {
  const preset = presets.find((one) => one.name === state.preset);
  // The description of a scenario has the answer to its question.
  at('about').textContent = (asksNow ? '' : loaded.about || preset?.about) || 'Break a mesh of nodes, and see what every node believes, and why.';
  at('count').value = String(loaded.nodes);
  at('rules').value = statement(state.text, 'without') ?? '';
  at('trace').textContent = loaded.trace;
  const file = state.preset && state.preset !== 'sandbox' ? state.preset : 'FILE';
  at('command').textContent = `heartbeat simulate ${file} --seed=${state.seed}`;
  at('shown').textContent = `The run showed: ${loaded.shown}.`;
  at('seed').value = String(state.seed);
  at('undo').disabled = undo.length === 0;
}

function marks(loaded) {
  at('time').max = String(loaded.length);
  at('marks').replaceChildren(...loaded.told.map((entry) => make('i', { class: tone(entry), style: `left:${(100 * entry.at) / loaded.length}%` })));
}

/** What was written to the page last, so that a frame writes only what differs. */
let seen = {};

function once(key, value, write) {
  if (seen[key] === value) return;
  seen[key] = value;
  write(value);
}

/** One frame. */
function show(t, speed) {
  const { run: shown } = state;
  if (!shown) return;
  const beliefs = shown.beliefs(t);
  const truth = shown.truth(t);
  mesh.show(beliefs, truth, shown.selves(t), state.chosen, gestures.sides);
  flight.draw(shown, t, speed);
  gestures.show(state.chosen, truth, shown.nodes);
  at('time').value = String(t);
  const pace = speed >= 0.995 ? speed.toFixed(1) : speed.toFixed(2);
  once('clock', `${t.toFixed(3)} s of ${shown.length} s, ${pace} ×`, (text) => {
    at('clock').textContent = text;
    at('time').setAttribute('aria-valuetext', `${t.toFixed(3)} seconds`);
  });
  once('playing', playback.playing, (playing) => {
    at('play').textContent = playing ? '❚❚ Pause' : '▶ Play';
    if (!playing) remember();
  });
  const past = shown.told.findLastIndex((entry) => entry.at <= t + 1e-6);
  once('past', past, () => now(shown, past));
  events.show(t);
  compare.show(t);
  lesson.show(t);
  panel(t, beliefs);
}

function now(shown, past) {
  const entry = shown.told[past];
  const first = shown.steps[0];
  const text = !entry ? `All nodes are healthy${first ? `. At ${first.at} s: ${first.step}` : ': choose a node or a link, and break it'}.`
    : entry.step ? `${entry.at.toFixed(2)} s: ${entry.step}` : `${entry.at.toFixed(2)} s, ${name(entry.node)}: ${entry.sentence}`;
  at('now').textContent = text;
  at('now').className = entry ? tone(entry) : '';
}

let asking = false;
let asked = {};

/** The panel of beliefs: from the index of the run at once; reasons from the engine, some times a second. */
function panel(t, beliefs) {
  if (state.tab !== 'beliefs') return;
  if (!state.chosen) {
    if (asked.beliefs === beliefs && asked.truth === state.run.truth(t) && !asked.chosen) return;
    asked = { beliefs, truth: state.run.truth(t) };
    fill(matrix(state.run, t, choose));
    return;
  }
  const key = `${version} ${state.chosen} ${t}`;
  if (asking || asked.key === key || (playback.playing && performance.now() - (asked.when ?? 0) < 200)) return;
  asking = true;
  asked = { key, chosen: true, when: performance.now() };
  const { chosen, run: shown } = state;
  void ask({ ask: 'moment', text: state.text, seed: state.seed, at: t }).then((moment) => {
    asking = false;
    if (chosen !== state.chosen || shown !== state.run || state.tab !== 'beliefs' || !moment.nodes) {
      asked = {};
    } else {
      fill(chosen.length === 1 ? ofNode(moment, shown, t, chosen[0], choose) : ofLink(moment, chosen));
    }
    if (!playback.playing) show(playback.t, playback.speed());
  });
}

/** New content; the focus stays at the same place of it. */
function fill(content) {
  const place = at('beliefs');
  const focusable = () => [...place.querySelectorAll('button, [tabindex]')];
  const index = focusable().indexOf(document.activeElement);
  place.replaceChildren(...content);
  if (index >= 0) (focusable()[index] ?? place).focus();
}

/** A node, a link, or with `null` nothing. The same again chooses nothing. */
function choose(parts) {
  if (gestures.sides && parts?.length === 1) {
    gestures.toggle(parts[0]);
    return;
  }
  state.chosen = parts && String(parts) !== String(state.chosen) ? parts : null;
  asked = {};
  if (state.chosen) tab('beliefs');
  if (state.tab === 'compare') void loadCompare();
  show(playback.t, playback.speed());
  remember();
}

/** A gesture: one more line, and the run again from where the watcher is. */
function act(action) {
  change(() => withLine(state.text, state.run.length, playback.t, action), { plays: true });
}

/** Another text, made of the one before. What was typed and cannot be read is not lost, and one more line would not help. */
function change(made, how) {
  if (!state.run) return;
  if (at('problems').children.length > 0) {
    tab('text');
    at('scenario').focus();
    return;
  }
  keep();
  lesson.load(null);
  void run(made(), how);
}

function keep() {
  undo.push({ text: state.text, t: playback.t });
  if (undo.length > UNDO_MAX) undo.shift();
}

/** Another value of a statement of which a scenario has one; an empty one takes it out. */
const setting = (word, value) => change(() => withStatement(state.text, word, value));

function stop(t) {
  playback.pause();
  playback.seek(t);
  remember();
}

async function loadCompare() {
  const { run: shown, text, seed } = state;
  const answer = await ask({ ask: 'compare', text, seed });
  if (shown !== state.run) return;
  const subject = state.chosen?.at(-1) ?? shown.steps[0]?.nodes.at(-1) ?? shown.nodes - 1;
  const observer = state.chosen?.length === 2 ? state.chosen[0] : subject === 0 ? Math.min(1, shown.nodes - 1) : 0;
  compare.load(shown, answer, [observer, subject]);
  compare.show(playback.t);
}

/** A space-time diagram from shortly before the moment. */
async function diagram() {
  playback.pause();
  const { svg } = await ask({ ask: 'diagram', text: state.text, seed: state.seed, at: Math.max(0, playback.t - 0.2) });
  if (!svg) return;
  const address = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  const parsed = new DOMParser().parseFromString(svg, 'image/svg+xml');
  Object.assign(at('svg'), { src: address, alt: `${parsed.querySelector('title')?.textContent}: ${parsed.querySelector('desc')?.textContent}` });
  at('save').href = address;
  at('drawn').showModal();
}

function tab(wanted) {
  const changed = wanted !== state.tab;
  state.tab = wanted;
  for (const one of TABS) {
    at(one).hidden = one !== wanted;
    at(`tab-${one}`).setAttribute('aria-selected', String(one === wanted));
    at(`tab-${one}`).tabIndex = one === wanted ? 0 : -1;
  }
  asked = {};
  if (changed && wanted === 'compare' && state.run) void loadCompare();
  if (state.run) show(playback.t, playback.speed());
}

function pick(wanted) {
  const preset = presets.find((one) => one.name === wanted) ?? presets[0];
  playback.pause();
  undo.length = 0;
  state.preset = preset.name;
  state.chosen = null;
  asked = {};
  void run(preset.text, { t: null, fresh: true });
}

function nextPreset() {
  const index = presets.findIndex((preset) => preset.name === state.preset);
  pick(presets[(index + 1) % presets.length].name);
}

/** Keeps the address up to date; not in each frame, which browsers refuse. */
function remember() {
  if (!state.run || playback.playing) return;
  const start = Math.max(0, state.run.first - LEAD);
  const moment = Math.abs(playback.t - start) > 0.0005 ? playback.t : null;
  written = write({ ...state, at: moment, lesson: state.asks });
  if (location.hash !== written) history.replaceState(null, '', written);
}

/** What the address asks for. */
function open() {
  const wanted = read(location.hash);
  Object.assign(state, { seed: wanted.seed, chosen: wanted.chosen, asks: wanted.lesson, preset: null });
  undo.length = 0;
  playback.pause();
  tab(TABS.includes(wanted.tab) ? wanted.tab : 'beliefs');
  const preset = presets.find((one) => one.name === (wanted.preset ?? 'crash'));
  const text = wanted.scenario ?? preset?.text ?? SANDBOX.text;
  if (wanted.scenario == null) state.preset = preset?.name ?? 'sandbox';
  return run(text, { t: wanted.at, fresh: true }).then(async () => {
    if (!state.run) {
      // A link with a fault in it: the mesh of the sandbox, and beside it the text to mend.
      await run(SANDBOX.text);
      await run(text, { fresh: true });
    }
    if (!preset && wanted.scenario == null) {
      at('failure').hidden = false;
      at('failure').textContent = `There is no built-in scenario ${JSON.stringify(wanted.preset)}. The list above has those there are.`;
    }
  });
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || at('drawn').open || event.target.closest('input, textarea, select')) return;
  const { key } = event;
  const onButton = event.target.closest('button, summary');
  if (key === ' ' && !onButton) playback.playing ? playback.pause() : playback.play();
  else if (key === 'ArrowLeft' && !event.target.closest('[role=tablist]')) stop(event.shiftKey ? state.run.previous(playback.t) ?? 0 : playback.t - 0.1);
  else if (key === 'ArrowRight' && !event.target.closest('[role=tablist]')) stop(event.shiftKey ? state.run.next(playback.t) ?? state.run.length : playback.t + 0.1);
  else if (key === 'Escape') gestures.dismiss() || choose(null);
  else if (key >= '1' && key <= String(state.run.nodes)) choose([Number(key) - 1]);
  else if (!gestures.ofKey(key.toLowerCase(), state.chosen, state.run.truth(playback.t))) return;
  event.preventDefault();
}

function wire() {
  at('play').addEventListener('click', () => (playback.playing ? playback.pause() : playback.play()));
  at('back').addEventListener('click', () => stop(playback.t - 0.1));
  at('forth').addEventListener('click', () => stop(playback.t + 0.1));
  at('before').addEventListener('click', () => stop(state.run.previous(playback.t) ?? 0));
  at('after').addEventListener('click', () => stop(state.run.next(playback.t) ?? state.run.length));
  at('time').addEventListener('input', () => stop(Number(at('time').value)));
  at('speed').addEventListener('change', () => {
    playback.chosen = at('speed').value;
    show(playback.t, playback.speed());
  });
  at('preset').addEventListener('change', () => at('preset').value && pick(at('preset').value));
  at('diagram').addEventListener('click', () => void diagram());
  at('count').addEventListener('change', () => setting('nodes', at('count').value));
  at('rules').addEventListener('change', () => setting('without', at('rules').value));
  at('undo').addEventListener('click', () => {
    const { text, t } = undo.pop();
    void run(text, { t });
  });
  at('link').addEventListener('click', () => {
    playback.pause();
    remember();
    const done = (text) => {
      at('link').textContent = text;
      setTimeout(() => (at('link').textContent = 'Copy link'), 1500);
    };
    // Without https, or without leave, the address bar still has it.
    (navigator.clipboard?.writeText(location.href) ?? Promise.reject(new Error('no clipboard'))).then(() => done('Copied'), () => done('See the address bar'));
  });
  let typing;
  at('scenario').addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      keep();
      lesson.load(null);
      void run(at('scenario').value);
    }, 300);
  });
  at('seed').addEventListener('change', () => {
    const seed = Number(at('seed').value);
    if (!Number.isSafeInteger(seed) || seed < 0) return;
    state.seed = seed;
    void run(state.text);
  });
  for (const one of TABS) at(`tab-${one}`).addEventListener('click', () => {
    tab(one);
    remember();
  });
  document.querySelector('[role=tablist]').addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    tab(TABS[(TABS.indexOf(state.tab) + step + TABS.length) % TABS.length]);
    at(`tab-${state.tab}`).focus();
  });
  document.addEventListener('keydown', keys);
  addEventListener('hashchange', () => {
    if (location.hash !== written) void open();
  });
}

const answer = await ask({ ask: 'presets' });
if (answer.refused) problems(answer);
else {
  presets = [...answer.presets, SANDBOX];
  at('preset').append(make('option', { value: '', disabled: true }, 'your own'), ...presets.map((preset) => make('option', { value: preset.name }, preset.name)));
  at('count').append(...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((count) => make('option', { value: count }, String(count))));
  at('rules').append(make('option', { value: '' }, 'all'), ...RULES.map((rule) => make('option', { value: rule }, `without ${rule}`)));
  wire();
  await open();
  document.body.dataset.ready = 'yes';
}
