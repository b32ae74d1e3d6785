import * as page from "./client.js";

/** What each page does when it is told to. Plain, as it is served: bench/browser/site.ts puts it beside the page's module. */

const tasks = [];
let lastTask = 0;
let lastWrite = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) tasks.push(duration);
  lastTask = performance.now();
}).observe({ type: "longtask", buffered: true });

const { transaction } = IDBDatabase.prototype;
IDBDatabase.prototype.transaction = function (names, mode, options) {
  const opened = transaction.call(this, names, mode, options);
  if (mode === "readwrite") {
    opened.addEventListener("complete", () => {
      lastWrite = performance.now();
    });
  }
  return opened;
};

const written = () => page.lastWrite?.() ?? lastWrite;

async function copy(address, quiet) {
  tasks.length = 0;
  const start = performance.now();
  const rest = await page.copy(address);
  const readable = performance.now() - start;
  let checked = null;
  if (rest) {
    await rest.checked;
    checked = performance.now() - start;
  }
  do await new Promise((done) => setTimeout(done, 100));
  while (performance.now() - Math.max(lastTask, written(), start + readable) < quiet);
  return { readable, written: written() - start, checked, longest: Math.max(0, ...tasks) };
}

async function read(address) {
  const start = performance.now();
  const kept = await page.size(address);
  return { again: performance.now() - start, kept };
}

Object.assign(globalThis, { bench: { copy, read, write: page.write } });
