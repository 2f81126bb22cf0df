// Ends the run with one line: passed, failed, skipped.

export default class SummaryReporter {
  #counts = { expected: 0, unexpected: 0, flaky: 0, skipped: 0 };
  #suite;

  onBegin(_config, suite) {
    this.#suite = suite;
  }

  onEnd() {
    for (const test of this.#suite.allTests()) this.#counts[test.outcome()] += 1;
    const { expected, unexpected, flaky, skipped } = this.#counts;
    console.log(`\n${expected} passed, ${unexpected + flaky} failed, ${skipped} skipped`);
  }

  printsToStdio() {
    return false;
  }
}
