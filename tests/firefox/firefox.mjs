// Firefox, driven by selenium-webdriver, as far as the tests need it.

import { execFileSync } from "node:child_process";
import { Builder, Key } from "selenium-webdriver";
import firefox from "selenium-webdriver/firefox.js";

const WAIT_MS = 60_000;

export const KEYS = { tab: Key.TAB, enter: Key.ENTER, escape: Key.ESCAPE };

export class Firefox {
  #driver;

  async start() {
    const options = new firefox.Options()
      .addArguments("-headless")
      .setPreference("intl.accept_languages", "en-US, en")
      .setBinary(process.env.FIREFOX ?? whereIs("firefox", "firefox-esr"));
    // Both paths are given, so that selenium-webdriver downloads nothing.
    const service = new firefox.ServiceBuilder(process.env.GECKODRIVER ?? whereIs("geckodriver"));
    this.#driver = await new Builder()
      .forBrowser("firefox")
      .setFirefoxOptions(options)
      .setFirefoxService(service)
      .build();
    const capabilities = await this.#driver.getCapabilities();
    this.version = `${capabilities.getBrowserName()} ${capabilities.getBrowserVersion()}`;
    return this;
  }

  async stop() {
    await this.#driver?.quit();
  }

  open(url) {
    return this.#driver.get(url);
  }

  /** Runs the function `body` in the page with these arguments, and returns its result. A promise is awaited. */
  run(body, ...args) {
    return this.#driver.executeScript(body, ...args);
  }

  /** Waits until `body` returns something true in the page, and returns it. */
  until(body, ...args) {
    return this.#driver.wait(
      () => this.run(body, ...args),
      WAIT_MS,
      `never came: ${body} ${JSON.stringify(args)}`,
    );
  }

  /** The role and name that assistive technology sees of the element that `body` returns. */
  async accessible(body) {
    const element = await this.run(body);
    return { role: await element.getAriaRole(), label: await element.getAccessibleName() };
  }

  press(...keys) {
    return this.#driver
      .actions()
      .sendKeys(...keys)
      .perform();
  }

  /** Clicks with a mouse on the middle of the element that `body` returns. */
  async click(body) {
    const origin = await this.run(body);
    await this.#driver.actions().move({ origin, duration: 0 }).click().perform();
  }
}

function whereIs(...names) {
  const lookup = names.map((name) => `command -v ${name}`).join(" || ");
  return execFileSync("bash", ["-c", lookup], { encoding: "utf8" }).trim();
}
