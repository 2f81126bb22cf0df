// Lints of the Markdown: links and headings exist, prose has at most 120 columns.

import relativeLinks from "markdownlint-rule-relative-links";

export default {
  gitignore: true,
  customRules: [relativeLinks],
  config: {
    "line-length": { line_length: 120, tables: false, code_blocks: false, headings: false },
    "no-hard-tabs": { code_blocks: false },
    "no-duplicate-heading": { siblings_only: true },
    // Wide tables are not aligned.
    "table-column-style": false,
    "relative-links": {},
  },
};
