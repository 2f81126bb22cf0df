// The page's timers: counted, and for long durations driven by a clock that is faster than Playwright's.

/**
 * Runs in a page, after Playwright's clock was installed and before the page's scripts. That clock numbers timers beyond 2³¹, which no
 * browser does, and WebAssembly cannot pass such numbers back: the timers would never be cleared. This gives them small numbers.
 */
export function nameTimers() {
  const { setTimeout, clearTimeout } = window;
  const names = new Map();
  let last = 0;
  window.setTimeout = (callback, ...rest) => {
    const name = ++last;
    const fire = (...given) => {
      names.delete(name);
      callback(...given);
    };
    names.set(name, setTimeout(fire, ...rest));
    return name;
  };
  window.clearTimeout = (name) => {
    clearTimeout(names.get(name));
    names.delete(name);
  };
}

/** Runs in a page, after its clock was replaced: time limits follow that clock. */
export function limitByClock() {
  AbortSignal.timeout = (ms) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), ms);
    return controller.signal;
  };
}

/**
 * Runs in a page before its scripts: time stops at `start_ms`, and advances only by `virtual.pass(ms)`, which fires the timers that are
 * due. Playwright's own clock waits some milliseconds after each timer, which adds up to minutes for a virtual day.
 */
export function stopTime(start_ms) {
  const timers = new Map();
  let passed_ms = 0;
  let last = 0;
  Date.now = () => start_ms + passed_ms;
  performance.now = () => passed_ms;
  window.setTimeout = (callback, delay_ms = 0) => {
    timers.set(++last, { at_ms: passed_ms + delay_ms, callback });
    return last;
  };
  window.clearTimeout = (name) => timers.delete(name);
  /** Waits for everything that is queued now, and what follows from it. */
  const settle = async () => {
    for (let turn = 0; turn < 4; turn++) {
      await new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve(port1.close());
        port2.postMessage(null);
      });
    }
  };
  globalThis.virtual = {
    /** Timers that are set and have not fired. */
    pending: () => timers.size,
    /** Timers that were set so far. */
    set: () => last,
    async pass(ms) {
      const end_ms = passed_ms + ms;
      for (;;) {
        let next;
        for (const [name, { at_ms }] of timers) {
          if (at_ms <= end_ms && !(timers.get(next)?.at_ms <= at_ms)) next = name;
        }
        if (next === undefined) break;
        const { at_ms, callback } = timers.get(next);
        timers.delete(next);
        passed_ms = Math.max(passed_ms, at_ms);
        callback();
        await settle();
      }
      passed_ms = end_ms;
      await settle();
    },
  };
}
