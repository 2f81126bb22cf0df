// Every status has a contrast of at least 3:1 on every background (WCAG 2.2, 1.4.11), measured on painted pixels.

import { expect, test } from "./fixtures.mjs";
import { contrast, pixels } from "./pixels.mjs";

const ENOUGH = 3;
/** People of the simulated organisation whose status does not change. */
const PEOPLE = { active: 3001, idle: 3002, offline: 3003, unknown: 3004 };
const GROUNDS = { white: [255, 255, 255], black: [0, 0, 0] };
/** The side of the square in which the badge is drawn; the drawing reaches 6 of the 8 from its middle. */
const SIDE = 16;
/** Sizes in CSS pixels: that of the measurement, and that of badges in text. */
const LARGE = 48;
const SMALL = 13;
const SCHEMES = ["light", "dark"];

// The painted page is read pixel by pixel.
test.use({ viewport: { width: 640, height: 160 } });

/** Shows a badge of each status on `ground`; returns a function that gives the pixels of each in a colour scheme. */
async function shown({ page, site, tag }, ground, html) {
  const badges = Object.values(PEOPLE).map(html);
  const style = `:root { color-scheme: light dark }
    body { background: ${ground}; margin: 8px }
    zulip-presence { margin: 8px; --zulip-presence-size: ${LARGE}px }
    .small { --zulip-presence-size: ${SMALL}px }
    i { display: block; width: 80px; height: 80px }`;
  await page.goto(site.page(badges.join(""), `<style>${style}</style>${tag()}`));
  return async (scheme, size) => {
    await page.emulateMedia({ colorScheme: scheme });
    const boxes = {};
    for (const [status, user] of Object.entries(PEOPLE)) {
      const badge = page.locator(`[user="${user}"]`).nth(size === SMALL ? 1 : 0);
      if (status !== "unknown") await expect(badge).toHaveStatus(status);
      await expect(badge.locator(`[data-status=${status}]`)).toBeVisible();
      boxes[status] = await badge.locator("svg").boundingBox();
    }
    const picture = await pixels(page, await page.screenshot({ animations: "disabled" }));
    return Object.entries(boxes).map(([status, box]) => [status, within(picture, box)]);
  };
}

/** The pixels of a badge, each with its distance from the middle in the units of the drawing. */
function within({ at }, { x: left, y: top, width: size }) {
  const all = [];
  for (let y = Math.floor(top); y < top + size; y++) {
    for (let x = Math.floor(left); x < left + size; x++) {
      const distance = Math.hypot(x + 0.5 - left - size / 2, y + 0.5 - top - size / 2);
      all.push({ colour: at(x, y), units: (distance * SIDE) / size });
    }
  }
  return all;
}

/** The colour that most pixels have, other than `ground`. */
function foreground(square, ground) {
  const counts = new Map();
  for (const { colour } of square) {
    const key = colour.join();
    if (key !== ground.join()) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const [key] = [...counts].toSorted(([, a], [, b]) => b - a)[0];
  return key.split(",").map(Number);
}

for (const [ground, colour] of Object.entries(GROUNDS)) {
  test(`on ${ground} every status has a contrast of 3:1, in light and dark pages`, async ({
    page,
    site,
    tag,
  }) => {
    const painted = await shown(
      { page, site, tag },
      ground,
      (user) =>
        `<zulip-presence user="${user}"></zulip-presence><zulip-presence user="${user}" class="small"></zulip-presence>`,
    );
    for (const scheme of SCHEMES) {
      for (const [status, square] of await painted(scheme, LARGE)) {
        const seen = foreground(square, colour);
        const what = `${status}, ${scheme}: ${seen}`;
        expect(contrast(seen, colour), what).toBeGreaterThanOrEqual(ENOUGH);
      }
      for (const [status, square] of await painted(scheme, SMALL)) {
        // Edges are blended: some pixels of each badge must have the unblended colour.
        const enough = square.filter((pixel) => contrast(pixel.colour, colour) >= ENOUGH);
        expect(enough.length, `${status}, small, ${scheme}`).toBeGreaterThanOrEqual(4);
      }
    }
  });
}

test("on a busy photo every status has a contrast of 3:1, in light and dark pages", async ({
  page,
  site,
  tag,
}) => {
  const painted = await shown(
    { page, site, tag },
    `url("${await photo(page)}")`,
    (user) => `<zulip-presence user="${user}" overlay><i></i></zulip-presence>`,
  );
  for (const scheme of SCHEMES) {
    for (const [status, square] of await painted(scheme, LARGE)) {
      const what = `${status}, ${scheme}`;
      // The ring: everything between the drawing and the photo has one colour …
      const rings = square.filter(({ units }) => units > 6.4 && units < 7.6);
      const ring = rings[0].colour;
      const others = rings.filter(({ colour }) => colour.join() !== ring.join());
      expect(others, `${what}: ring`).toEqual([]);
      // … which is visible beside the drawing, with no photo between the two.
      const seen = foreground(square, ring);
      const pair = `${what}: ${seen} on ${ring}`;
      expect(contrast(seen, ring), pair).toBeGreaterThanOrEqual(ENOUGH);
      const drawing = square.filter(({ units }) => units < 6.4);
      const strangers = drawing.filter(({ colour }) => !isBlend(colour, seen, ring));
      expect(strangers, what).toEqual([]);
      // The photo must be there: without it this test proves nothing.
      const outside = square.filter(({ units }) => units > 8.2).map(({ colour }) => colour.join());
      expect(new Set(outside).size).toBeGreaterThan(20);
    }
  }
});

test("a colour that is too pale is found", async ({ page, site, tag }) => {
  const pale = `style="--zulip-presence-active: #bbb"`;
  const painted = await shown(
    { page, site, tag },
    "white",
    (user) =>
      `<zulip-presence user="${user}" ${pale}></zulip-presence><zulip-presence user="${user}" class="small" ${pale}></zulip-presence>`,
  );
  const [[, large]] = await painted("light", LARGE);
  expect(contrast(foreground(large, GROUNDS.white), GROUNDS.white)).toBeLessThan(ENOUGH);
  const [[, small]] = await painted("light", SMALL);
  expect(small.filter(({ colour }) => contrast(colour, GROUNDS.white) >= ENOUGH)).toEqual([]);
});

test("a photo that shows through the ring is found", async ({ page, site, tag }) => {
  const painted = await shown(
    { page, site, tag },
    `url("${await photo(page)}")`,
    (user) =>
      `<zulip-presence user="${user}" overlay style="--zulip-presence-ring: transparent"><i></i></zulip-presence>`,
  );
  const [[, square]] = await painted("light", LARGE);
  const rings = square.filter(({ units }) => units > 6.4 && units < 7.6);
  expect(new Set(rings.map(({ colour }) => colour.join())).size).toBeGreaterThan(1);
});

/** Whether a pixel lies between two colours, to the rounding. */
function isBlend(colour, one, other) {
  const [span, part] = [one, colour].map((it) => it.map((value, i) => value - other[i]));
  const length = span.reduce((sum, value) => sum + value * value, 0);
  const share = span.reduce((sum, value, i) => sum + value * part[i], 0) / length;
  return (
    part.every((value, i) => Math.abs(value - share * span[i]) <= 3) &&
    share > -0.02 &&
    share < 1.02
  );
}

/** Spots of any colour, the darkest and the lightest included; the same in every run. */
function photo(page) {
  return page.evaluate(() => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 512;
    const context = canvas.getContext("2d");
    let seed = 1;
    const random = (below) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (let i = 0; i < 12_000; i++) {
      const lightness = i % 3 ? random(101) : 100 * random(2);
      context.fillStyle = `hsl(${random(360)} ${random(101)}% ${lightness}%)`;
      context.beginPath();
      context.arc(random(512), random(512), 2 + random(9), 0, 7);
      context.fill();
    }
    return canvas.toDataURL();
  });
}
