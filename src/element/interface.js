/**
 * The version of the interface between zulip-presence.js and the files that it loads: the exports of bundle.js, their arguments, and the
 * format of FILES. After an upgrade a page that is already open may load the new files only if the number is the same: every change that
 * its element would notice needs another one. tests/e2e/upgrade.spec.mjs compares the exports.
 */
export const INTERFACE = 4;
