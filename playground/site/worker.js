// The engine, away from the drawing: a run of many nodes takes some frames' time.

let engine;

async function load() {
  const answer = await fetch('engine.wasm');
  if (!answer.ok) throw new Error(`engine.wasm: HTTP ${answer.status}; build the site with: just playground-build`);
  const { instance } = await WebAssembly.instantiate(await answer.arrayBuffer(), {});
  return instance.exports;
}

function ask(question) {
  const bytes = new TextEncoder().encode(JSON.stringify(question));
  const place = engine.input(bytes.length);
  if (place === 0) return { refused: 'The scenario is too long: at most 256 kB.' };
  new Uint8Array(engine.memory.buffer, place, bytes.length).set(bytes);
  const length = engine.answer();
  const text = new TextDecoder().decode(new Uint8Array(engine.memory.buffer, engine.output(), length));
  const answer = JSON.parse(text);
  const noted = engine.packets_bytes();
  if (noted > 0) {
    const from = engine.packets();
    answer.packets = new Uint32Array(engine.memory.buffer.slice(from, from + noted));
  }
  return answer;
}

onmessage = async ({ data: { id, question } }) => {
  try {
    engine ??= await load();
    const answer = ask(question);
    postMessage({ id, answer }, answer.packets ? [answer.packets.buffer] : []);
  } catch (error) {
    // After a trap its memory is not to be trusted: the next question gets a new one.
    engine = undefined;
    postMessage({ id, answer: { refused: `The simulator has failed: ${error.message}` } });
  }
};
