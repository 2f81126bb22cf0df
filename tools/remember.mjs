// Makes the glue decode the WebAssembly's constant strings once. Yew hands over the names of elements and attributes anew for every badge,
// and a TextDecoder takes longer for one of them than the browser for setting the attribute.

const DATA = 11;
const HEADER_BYTES = 8;
const I32_CONST = 0x41;
/** Strings are told apart by place and length; a longer one is not remembered. */
const MOST_LENGTH = 1 << 12;
const DECODE = `function getStringFromWasm0(ptr, len) {
    return decodeText(ptr >>> 0, len);
}`;

/** The glue, out of what wasm-bindgen wrote. */
export function remember(wasm, glue) {
  const { start, end } = constants(wasm);
  const parts = glue.split(DECODE);
  if (parts.length !== 2) throw new Error("the glue does not decode strings as it used to");
  return parts.join(`const constants = new Map();
function getStringFromWasm0(ptr, len) {
    ptr >>>= 0;
    if (ptr < ${start} || ptr >= ${end} || len >= ${MOST_LENGTH}) return decodeText(ptr, len);
    const key = ptr * ${MOST_LENGTH} + len;
    let text = constants.get(key);
    if (text === undefined) constants.set(key, (text = decodeText(ptr, len)));
    return text;
}`);
}

/** Where the first data segment lies in the memory: .rodata, which nothing writes to; .data follows. */
function constants(wasm) {
  for (let at = HEADER_BYTES; at < wasm.length;) {
    const size = unleb(wasm, at + 1);
    if (wasm[at] === DATA) {
      const count = unleb(wasm, size.end);
      const mode = unleb(wasm, count.end);
      if (mode.value !== 0 || wasm[mode.end] !== I32_CONST) break;
      const start = unleb(wasm, mode.end + 1);
      const length = unleb(wasm, start.end + 1);
      return { start: start.value, end: start.value + length.value };
    }
    at = size.end + size.value;
  }
  throw new Error("the WebAssembly has no constants at a fixed place");
}

/** Addresses are signed there, but far from the sign. */
function unleb(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    value += (bytes[at] & 127) * 2 ** shift;
    if (bytes[at++] < 128) return { value, end: at };
  }
}
