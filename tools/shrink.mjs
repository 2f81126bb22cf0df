// Takes out of a wasm-bindgen bundle what only people read: the long names by which the WebAssembly imports the functions of its glue
// (each with a hash that does not compress), and the sections for debuggers. That is 3 KB of what every page downloads.

const IMPORTS = 2;
const CUSTOM = 0;
/** What follows module and name of an import, by its kind; wasm-bindgen imports functions only. */
const FUNCTION = 0;

/** @returns {{ wasm: Buffer, glue: string }} */
export function shrink(wasm, glue) {
  const names = new Map();
  const short = (name) => {
    if (!names.has(name)) names.set(name, `_${names.size.toString(36)}`);
    return names.get(name);
  };
  const sections = readSections(wasm)
    .filter(({ id }) => id !== CUSTOM)
    .map(({ id, content }) => ({ id, content: id === IMPORTS ? rename(content, short) : content }));
  return {
    wasm: Buffer.concat([
      wasm.subarray(0, 8),
      ...sections
        .flatMap(({ id, content }) => [[id], leb(content.length), content])
        .map((part) => Buffer.from(part)),
    ]),
    glue: [...names].reduce((code, [long, name]) => replaceName(code, long, name), glue),
  };
}

/** A module's name is quoted, a function's is a property of what the glue hands over. */
function replaceName(code, long, short) {
  const name = long.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  const used = new RegExp(`"${name}"|(?<![\\w$.])${name}(?=[:(])`, "g");
  const replaced = code.replaceAll(used, (match) => (match[0] === '"' ? `"${short}"` : short));
  if (replaced === code) throw new Error(`the glue has no ${long}`);
  return replaced;
}

function readSections(wasm) {
  const sections = [];
  for (let at = 8; at < wasm.length;) {
    const id = wasm[at];
    const size = unleb(wasm, at + 1);
    sections.push({ id, content: wasm.subarray(size.end, size.end + size.value) });
    at = size.end + size.value;
  }
  return sections;
}

function rename(imports, short) {
  const { value: count, end } = unleb(imports, 0);
  const parts = [leb(count)];
  let at = end;
  for (let i = 0; i < count; i++) {
    for (let half = 0; half < 2; half++) {
      const length = unleb(imports, at);
      const name = short(imports.toString("utf8", length.end, length.end + length.value));
      parts.push(leb(name.length), Buffer.from(name));
      at = length.end + length.value;
    }
    if (imports[at] !== FUNCTION)
      throw new Error("the WebAssembly imports something else than functions");
    const type = unleb(imports, at + 1);
    parts.push(imports.subarray(at, type.end));
    at = type.end;
  }
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}

function leb(value) {
  const bytes = [];
  do {
    bytes.push((value & 127) | (value > 127 ? 128 : 0));
    value >>>= 7;
  } while (value);
  return bytes;
}

function unleb(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    value += (bytes[at] & 127) * 2 ** shift;
    if (bytes[at++] < 128) return { value, end: at };
  }
}
