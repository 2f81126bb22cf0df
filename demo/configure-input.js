// Reads what was written into the configurator's form. What is invalid is left out, and complained about by field.

/** As the widget says it in the console (src/badge/user.rs). */
const INVALID_USER =
  "user must be a Zulip user ID like 12 or a Zulip email like ada@example.com; the badge stays unknown.";
const NOBODY = "Write a user ID or an email into the first line.";
const MIXED_CONTENT =
  "Browsers block requests of an https page to an http gateway (mixed content). Put a web server with TLS in front of the gateway, and use its https address.";
const EXAMPLES = {
  gateway: ["The address of the gateway", "https://presence.example.com"],
  zulip: ["The address of your Zulip", "https://chat.example.com"],
  page: ["The address of the page", "https://wiki.example.com"],
};
/** Longest part of a line that is repeated, as in the console. */
const MAX_QUOTED = 80;
/** Most bytes of an email (RFC 3696, erratum 1690). */
const MAX_EMAIL_BYTES = 254;
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** The settings, and `complaints` by the name of the field: lines of text. */
export function parse(written, isSecurePage) {
  const complaints = {};
  const complain = (field, line) => (complaints[field] ??= []).push(line);
  const addresses = Object.entries(EXAMPLES).map(([field, [what, example]]) => {
    const text = written[field].trim();
    const address = parseAddress(text);
    if (!address && (text || field === "gateway"))
      complain(field, `${what} must be an http or https URL like ${example}.`);
    return [field, address];
  });
  const settings = {
    ...Object.fromEntries(addresses),
    people: parsePeople(written.people, (line) => complain("people", line)),
    isOverlay: written.place === "overlay",
    label: written.label,
    hasDetails: written.details,
    target: written.target,
    complaints,
  };
  settings.gateway = settings.gateway?.replace(/\/(api\/v1|zulip-presence\.js)$/, "");
  settings.isLocal = LOOPBACK.test(host(settings.gateway));
  const isMixed = isSecurePage || settings.page?.startsWith("https:");
  if (isMixed && settings.gateway?.startsWith("http:") && !settings.isLocal)
    complain("gateway", MIXED_CONTENT);
  return settings;
}

const host = (address) => (address ? new URL(address).hostname : "");

/** Without query, fragment and a slash at its end, and with nothing that any language reads as syntax. */
function parseAddress(text) {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password, origin, pathname } = new URL(text);
  if (!/^https?:$/.test(protocol) || username || password) return undefined;
  const path = pathname.replace(
    /[^\w.~/%-]/g,
    (c) => `%${c.charCodeAt().toString(16).toUpperCase()}`,
  );
  return (origin + path).replace(/\/+$/, "");
}

/** One a line: the user, and after a blank the name. */
function parsePeople(text, complain) {
  const people = [];
  for (const [index, line] of text.split("\n").entries()) {
    const [user, ...words] = line
      .replace(/[\s\p{Cc}]+/gu, " ")
      .trim()
      .split(" ");
    if (isUser(user)) people.push({ line: index + 1, user, name: words.join(" ") });
    else if (user)
      complain(
        `Line ${index + 1}: ${INVALID_USER} Here: ${[...user].slice(0, MAX_QUOTED).join("")}`,
      );
  }
  if (!text.trim()) complain(NOBODY);
  return people;
}

/** As presence/src/user_ref.rs has it, but for what it drops around an address. */
function isUser(text) {
  const isEmail = /^[^@\s/\\<>(),;:“”„‘’‚«»‹›]+@[^@\s/\\<>(),;:“”„‘’‚«»‹›]+$/.test(text);
  return (
    /^[0-9]{1,10}$/.test(text) ||
    (isEmail && new TextEncoder().encode(text).length <= MAX_EMAIL_BYTES)
  );
}
