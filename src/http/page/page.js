// Keeps the page current. The page is complete without this script: all it does
// is to load the page again and put the new parts in the place of the old.
"use strict";

(() => {
  // Links between other nodes make no event here, so the page asks anyway.
  const PERIOD_MS = 2000;
  // The node gives one gathering to all readers that ask within 0.3 s, so asking
  // sooner shows nothing new, however many events there are.
  const GAP_MS = 350;
  // An event is seldom alone: others learn of it a moment later, or with their next ping.
  const AFTERWARDS_MS = [500, 1000];
  // Longer than the node's own limit for gathering rows (1 s).
  const PATIENCE_MS = 5000;
  // A browser gives up on a stream that was refused; other pages may have gone since.
  const REOPEN_MS = 15000;

  const root = document.body.dataset.root;
  const stale = document.getElementById("stale");
  const announce = document.getElementById("announce");
  let loadedAt = Date.now();
  let loading = false;
  let again = false;
  let begun = 0;
  let afterwards = [];
  let timer;
  let stream = null;
  let reopening;

  const words = () => document.querySelector("#summary h1").textContent;
  // Times change with every look; only a change of words is worth a voice.
  const withoutTimes = (text) => text.replace(/[0-9.]+ (ms|s|min|h|d)\b/g, "");
  const parts = (root) => [...root.querySelectorAll("main > section")];
  const names = (root) => parts(root).map((section) => section.id).join(" ");

  function selecting() {
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed;
  }

  function put(fresh) {
    const before = withoutTimes(words());
    const focus = focused();
    const bar = document.getElementById("summary");
    const next = fresh.getElementById("summary");
    bar.className = next.className;
    bar.replaceChildren(...next.childNodes);
    if (names(document) !== names(fresh)) {
      document.querySelector("main").replaceChildren(...fresh.querySelector("main").childNodes);
    } else {
      for (const section of parts(document)) renew(section, fresh.getElementById(section.id));
    }
    document.title = fresh.title;
    refocus(focus);
    mark();
    if (withoutTimes(words()) !== before) announce.textContent = words();
  }

  function renew(section, next) {
    section.className = next.className;
    if (section.innerHTML === next.innerHTML) return;
    // What the reader has opened stays open, and the place within a wide table survives.
    const opened = [...section.querySelectorAll("details[open]")].map((one) => one.id);
    const places = [...section.querySelectorAll(".wide")].map((wide) => wide.scrollLeft);
    const detail = document.getElementById("detail");
    const had = detail !== null && section.contains(detail);
    section.replaceChildren(...next.childNodes);
    for (const id of opened) section.querySelector(`#${id}`)?.setAttribute("open", "");
    [...section.querySelectorAll(".wide")].forEach((wide, at) => { wide.scrollLeft = places[at] ?? 0; });
    if (had) section.append(detail);
  }

  // Where the focus is, in words that hold after the part around it was put in again: which link of which section, or
  // which scrolling table.
  function focused() {
    const active = document.activeElement;
    const section = active?.closest("main > section, #summary");
    if (!section) return null;
    if (active.matches(".wide")) return { section: section.id, wide: [...section.querySelectorAll(".wide")].indexOf(active) };
    const href = active.getAttribute("href");
    if (href === null) return null;
    const same = [...section.querySelectorAll("a")].filter((one) => one.getAttribute("href") === href);
    return { section: section.id, href, at: same.indexOf(active) };
  }

  function refocus(focus) {
    if (focus === null || document.activeElement?.closest("main > section, #summary")) return;
    const section = document.getElementById(focus.section);
    if (section === null) return;
    const same = "wide" in focus
      ? section.querySelectorAll(".wide")[focus.wide]
      : [...section.querySelectorAll("a")].filter((one) => one.getAttribute("href") === focus.href)[focus.at];
    same?.focus({ preventScroll: true });
  }

  async function load() {
    if (loading) { again = true; return; }
    loading = true;
    try {
      const response = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      // The read token is another one by now: the form asks for it.
      if (response.status === 401) { location.reload(); return; }
      if (!response.ok) throw new Error(`status ${response.status}`);
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
      if (!selecting()) put(fresh);
      loadedAt = Date.now();
      stale.hidden = true;
      document.body.classList.remove("old");
    } catch {
      const seconds = Math.round((Date.now() - loadedAt) / 1000);
      stale.textContent = `No answer from this node. What you see is ${seconds} s old.`;
      stale.hidden = false;
      document.body.classList.add("old");
    }
    loading = false;
    if (again) { again = false; load(); }
  }

  function tick() {
    clearTimeout(timer);
    begun = performance.now();
    if (!document.hidden) load();
    timer = setTimeout(tick, afterwards.length > 0 ? afterwards.shift() : PERIOD_MS);
  }

  function happened() {
    clearTimeout(timer);
    afterwards = [...AFTERWARDS_MS];
    timer = setTimeout(tick, Math.max(0, begun + GAP_MS - performance.now()));
  }

  function follow() {
    clearTimeout(reopening);
    if (stream !== null) return;
    stream = new EventSource(`${root}api/v1/events`);
    for (const event of (document.body.dataset.events || "").split(" ")) {
      if (event !== "") stream.addEventListener(event, happened);
    }
    stream.onerror = () => {
      if (stream === null || stream.readyState !== EventSource.CLOSED) return;
      stream = null;
      reopening = setTimeout(follow, REOPEN_MS);
    };
  }

  // A browser has six connections to one node. A hidden page keeps none of them: else the seventh
  // would never be shown.
  function look() {
    if (document.hidden) {
      clearTimeout(reopening);
      if (stream !== null) stream.close();
      stream = null;
    } else {
      follow();
      tick();
    }
  }

  // The squares of a large matrix: hover, tap, or walk with the arrow keys; a line below them says what a square stands
  // for and leads to its page.
  let here = null;

  function place(cell) {
    const row = cell.parentElement;
    return { row: row.sectionRowIndex, column: cell.cellIndex };
  }

  function squares() {
    return document.querySelector("table.squares tbody");
  }

  function part(header) {
    return header?.querySelector("a")?.getAttribute("href")?.split("/").pop();
  }

  function show(cell) {
    let line = document.getElementById("detail");
    if (line === null) {
      line = document.createElement("p");
      line.id = "detail";
      line.setAttribute("role", "status");
    }
    const table = cell.closest("table");
    table.closest("section").append(line);
    const [observer, peer] = [part(cell.parentElement.cells[0]), part(table.tHead.rows[0].cells[cell.cellIndex])];
    line.textContent = cell.title || "itself";
    if (observer && peer && observer !== peer) {
      const link = document.createElement("a");
      link.href = `${root}why/${observer}/${peer}`;
      link.textContent = "why";
      line.append(link);
    }
    here = place(cell);
    mark();
  }

  function mark() {
    const body = squares();
    body?.querySelector(".here")?.classList.remove("here");
    if (here !== null) body?.rows[here.row]?.cells[here.column]?.classList.add("here");
  }

  const square = (event) => event.target instanceof Element ? event.target.closest(".squares td") : null;
  for (const kind of ["mouseover", "focusin", "click"]) {
    document.addEventListener(kind, (event) => {
      const cell = square(event);
      if (cell !== null) show(cell);
    });
  }
  document.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const body = squares();
    if (body === null || !event.target.matches?.(".wide") || !event.target.contains(body)) return;
    if (event.key === "Enter") document.querySelector("#detail a")?.click();
    if (step === undefined) return;
    const at = here ?? { row: 0, column: 0 };
    const cell = body.rows[at.row + step[0]]?.cells[at.column + step[1]];
    if (cell === undefined || cell.cellIndex === 0) return;
    event.preventDefault();
    show(cell);
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  document.addEventListener("visibilitychange", look);
  timer = setTimeout(tick, PERIOD_MS);
  if (!document.hidden) follow();
})();
