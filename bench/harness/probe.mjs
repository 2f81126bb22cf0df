// Runs in every page before its scripts: measures when the first badge, all badges, and all correct ones were painted. In each frame it
// checks one badge that is not yet correct, so that the check costs the same on every page.
export function probe({ n, statuses, shapes, badges: list, drawn, correct }) {
  const measured = {};
  const shadows = [];
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (...rest) {
    const shadow = attach.apply(this, rest);
    shadows.push(new WeakRef(shadow));
    return shadow;
  };
  const memories = [];
  WebAssembly.Instance = class extends WebAssembly.Instance {
    constructor(...given) {
      super(...given);
      const exports = Object.values(this.exports);
      memories.push(...exports.filter((value) => value instanceof WebAssembly.Memory));
    }
  };
  globalThis.bench = {
    measured,
    shadows: () => shadows.map((shadow) => shadow.deref()).filter(Boolean),
    wasmBytes: () => memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0),
  };
  globalThis.bench.done = new Promise((resolve) => {
    let badges;
    const reached = { drawn: 0, correct: 0 };
    const tests = { drawn, correct };
    const frame = () => {
      if (document.documentElement) badges ??= list();
      for (const test in tests) {
        if (!badges || `${test}_all` in measured) continue;
        while (
          reached[test] < n &&
          badges[reached[test]] &&
          tests[test](badges[reached[test]], statuses[reached[test]], shapes)
        ) {
          reached[test] += 1;
        }
        if (reached[test] > 0) painted(`${test}_first`);
        if (reached[test] === n) painted(`${test}_all`);
      }
      if (!("correct_all" in measured)) requestAnimationFrame(frame);
    };
    const painted = (name) => {
      if (name in measured) return;
      measured[name] = null;
      // What is in the DOM in this frame has been painted when the next one begins.
      requestAnimationFrame(() => {
        measured[name] = performance.now();
        if (name !== "correct_all") return;
        performance.mark("bench:correct");
        resolve(measured);
      });
    };
    requestAnimationFrame(frame);
  });
}
