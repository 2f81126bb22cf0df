// Closes the run with one plain line.

export default class Tally {
  #of = { expected: 0, unexpected: 0, flaky: 0, skipped: 0 };
  #suite;

  onBegin(_config, suite) {
    this.#suite = suite;
  }

  onEnd() {
    for (const test of this.#suite.allTests()) this.#of[test.outcome()] += 1;
    const { expected, unexpected, flaky, skipped } = this.#of;
    console.log(`\n${expected} passed, ${unexpected + flaky} failed, ${skipped} skipped`);
  }

  printsToStdio() {
    return false;
  }
}
