// Ends the run with the names of the tests that failed, also of those that a retry let pass, and one line: passed, failed, skipped.

export default class SummaryReporter {
  #suite;

  onBegin(_config, suite) {
    this.#suite = suite;
  }

  onEnd() {
    const counts = { expected: 0, unexpected: 0, flaky: 0, skipped: 0 };
    const lines = [];
    for (const test of this.#suite.allTests()) {
      const outcome = test.outcome();
      counts[outcome] += 1;
      const label = { unexpected: "failed", flaky: "flaky" }[outcome];
      if (label) lines.push(`${label}: ${test.titlePath().filter(Boolean).join(" › ")}`);
    }
    const { expected, unexpected, flaky, skipped } = counts;
    lines.push(`${expected} passed, ${unexpected + flaky} failed, ${skipped} skipped`);
    console.log(`\n${lines.join("\n")}`);
  }

  printsToStdio() {
    return false;
  }
}
