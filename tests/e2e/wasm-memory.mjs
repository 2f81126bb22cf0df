// How much memory the WebAssembly of a page uses.

/** Runs in a page before its scripts. */
export function watchWasmMemory() {
  WebAssembly.Instance = class extends WebAssembly.Instance {
    constructor(...given) {
      super(...given);
      const exports = Object.values(this.exports);
      globalThis.wasmMemory = exports.find((one) => one instanceof WebAssembly.Memory);
    }
  };
}
