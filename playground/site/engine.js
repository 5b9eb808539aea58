// Questions to the worker that has the engine.

const worker = new Worker('worker.js');
const waiting = new Map();
let asked = 0;

worker.onmessage = ({ data: { id, answer } }) => {
  waiting.get(id)(answer);
  waiting.delete(id);
};

/** Answers in the order of the questions: `{ask: 'run', text, seed}` and so on, see src/lib.rs. */
export function ask(question) {
  asked += 1;
  const id = asked;
  worker.postMessage({ id, question });
  return new Promise((resolve) => waiting.set(id, resolve));
}
