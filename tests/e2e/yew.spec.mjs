// The example app with Yew, as `make yew-team` builds it, and the gateway behind it.

import { existsSync } from "node:fs";
import { expect, people, test as shared } from "./fixtures.mjs";
import { Gateway } from "./gateway.mjs";

const APP = "target/yew-team";

const test = shared.extend({
  app: async ({}, use) => {
    expect(existsSync(APP), "make yew-team").toBe(true);
    const app = await new Gateway([], APP).start();
    await use(app);
    await app.kill();
  },
});

test("the Yew app shows everybody, follows them, and removes and restores badges", async ({
  page,
  app,
  presenceRequests,
  consoleMessages,
}) => {
  await page.goto(app.url);
  const badges = page.getByRole("img");
  const names = () => badges.evaluateAll((all) => all.map((svg) => svg.getAttribute("aria-label")));
  const everybody = [
    "Ines Fonseca: active now",
    "Jonas Lindqvist: idle",
    "Meera Pillai: offline",
    "Oskar Brandt: status unknown",
  ];
  await expect.poll(names).toEqual(everybody);
  await expect(page.getByText("2 of 4 are there.")).toBeVisible();
  await expect(page.getByRole("listitem").nth(2)).toHaveText(/^Meera Pillai\s*Active 3 hours ago$/);

  const before = presenceRequests.length;
  await page.getByRole("button", { name: "Hide who is not there" }).click();
  await expect.poll(names).toEqual(everybody.slice(0, 2));
  await page.getByRole("button", { name: "Show everybody" }).click();
  await expect.poll(names).toEqual(everybody);
  expect(presenceRequests).toHaveLength(before);
  expect(new Set(presenceRequests.flatMap(people))).toEqual(
    new Set(["3001", "3002", "3003", "3004"]),
  );
  expect(consoleMessages).toEqual([]);
});
