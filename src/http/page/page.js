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
  const withoutTimes = (text) => text.replace(/[0-9.]+ (ms|s|m|h|d)\b/g, "");
  const parts = (root) => [...root.querySelectorAll("main > section")];
  const names = (root) => parts(root).map((section) => section.id).join(" ");

  function selecting() {
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed;
  }

  function put(fresh) {
    const before = withoutTimes(words());
    if (names(document) !== names(fresh)) {
      document.querySelector("main").replaceChildren(...fresh.querySelector("main").childNodes);
    } else {
      for (const section of parts(document)) renew(section, fresh.getElementById(section.id));
    }
    document.title = fresh.title;
    if (withoutTimes(words()) !== before) announce.textContent = words();
  }

  function renew(section, next) {
    section.className = next.className;
    // The place within a wide table survives, and so does the focus on it.
    const old = section.querySelector(".wide");
    const current = next.querySelector(".wide");
    if (old !== null && current !== null) {
      old.replaceChildren(...current.childNodes);
    } else if (section.innerHTML !== next.innerHTML) {
      section.replaceChildren(...next.childNodes);
    }
  }

  async function load() {
    if (loading) { again = true; return; }
    loading = true;
    try {
      const response = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
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
    stream = new EventSource("/api/v1/events");
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

  document.addEventListener("visibilitychange", look);
  timer = setTimeout(tick, PERIOD_MS);
  if (!document.hidden) follow();
})();
