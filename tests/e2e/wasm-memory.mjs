// How much memory the WebAssembly of a page takes.

/** Runs in a page before its scripts. */
export function watchWasmMemory() {
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (...given) => {
    const result = await instantiate(...given);
    const exports = Object.values(result.instance.exports);
    globalThis.wasmMemory = exports.find((one) => one instanceof WebAssembly.Memory);
    return result;
  };
}
