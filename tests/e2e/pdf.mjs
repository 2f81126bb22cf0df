// What Chromium draws on the pages of a PDF.

import { inflateSync } from "node:zlib";

/** Of a content stream: the colour of fills, and the operators that fill. */
const OPERATORS = /([\d.]+) ([\d.]+) ([\d.]+) rg\b|\b([fF])\*?$/gm;

/** For each page, in order, the colours of its filled shapes, in the form "rgb(46, 145, 80)". */
export function filledColours(pdf) {
  // One character a byte.
  const text = pdf.toString("latin1");
  return [...text.matchAll(/\/Contents (\d+) 0 R/g)].map(([, id]) => {
    const object = new RegExp(
      String.raw`\n${id} 0 obj\s*<<([^<>]*/Length (\d+)[^<>]*)>>\s*stream\r?\n`,
    );
    const { 0: head, 1: dictionary, 2: length, index } = object.exec(text);
    const start = index + head.length;
    const bytes = pdf.subarray(start, start + Number(length));
    // Short ones are not compressed.
    const content = dictionary.includes("/FlateDecode") ? inflateSync(bytes) : bytes;
    return fills(content.toString("latin1"));
  });
}

function fills(content) {
  const colours = [];
  let colour;
  for (const [, red, green, blue, fill] of content.matchAll(OPERATORS)) {
    if (fill) colours.push(colour);
    else colour = `rgb(${[red, green, blue].map((part) => Math.round(part * 255)).join(", ")})`;
  }
  return colours;
}
