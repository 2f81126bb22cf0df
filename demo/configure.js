// The configurator: shows the badges that the form describes, the code for them, and what is wrong.

import { TARGETS, applicable, attributes } from "./configure-code.js";
import { parse } from "./configure-input.js";

/** As the widget says it in the console (src/client/mod.rs). */
const UNREACHABLE =
  "no answer. Check that the endpoint is right and runs, that it allows this page's origin (gateway: --allow-origin), and that the page's Content-Security-Policy allows it (connect-src). From a public page to a private network, browsers ask the reader first (Local Network Access).";
const NOT_ZULIP =
  "what answers is neither a zulip-presence-gateway nor Zulip. Check data-endpoint, which ends with /api/v1.";
const NO_ZULIP = "The gateway has no answer from Zulip. Its log says why.";
const PREFIX = "zulip-presence: ";
/** Of the widget's lines those that the form's own complaints tell, for each gateway anew. */
const TOLD = [UNREACHABLE, NOT_ZULIP];
const TIMEOUT_MS = 10_000;
const HUES = 10;
const IGNORED = {
  overlay: "the badge on the picture",
  label: "the text beside the badge",
  details: "the popover",
  zulip: "the address of your Zulip",
};

const form = document.querySelector("form");
const field = (name) => form.elements[name];
/** The gateway and Zulip that the badges know, and what the check of the gateway said. */
let connection;
let reachability = "";
/** By selector: what stands in a list. It is written only upon a change, so that focus stays where it is. */
const written = {};

field("gateway").defaultValue = new URL(".", document.baseURI).href.replace(/\/$/, "");
const initial = new FormData(form);
const ownGateway = initial.get("gateway");

listenToConsole();
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", update);
// Not upon every key: half an address is somebody else's.
form.addEventListener("change", connect);
addEventListener("hashchange", restore);
// Before that nobody could tell it the endpoint.
customElements.whenDefined("zulip-presence").then(restore);

function restore() {
  form.reset();
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    if (name === "details") field(name).checked = true;
    else if (initial.has(name)) field(name).value = value;
  }
  connect();
}

function read() {
  const answers = Object.fromEntries(new FormData(form));
  const isSecurePage = location.protocol === "https:";
  return parse({ ...answers, details: field("details").checked }, isSecurePage);
}

function connect() {
  const { gateway, zulip } = read();
  const wanted = JSON.stringify([gateway, zulip]);
  if (gateway && wanted !== connection) {
    connection = wanted;
    reachability = "";
    window.zulipPresence.configure({ endpoint: `${gateway}/api/v1`, zulip });
    check(gateway).then((complaint) => {
      if (wanted !== connection) return;
      reachability = complaint;
      update();
    });
  }
  update();
}

function update() {
  const settings = read();
  const outcome = applicable(settings);
  const isConnected = JSON.stringify([settings.gateway, settings.zulip]) === connection;
  complain(settings, isConnected ? reachability : "");
  show(outcome);
  writeNotes(outcome);
  writeCode(outcome);
  remember(settings);
}

/** Why badges would get no status from a gateway; empty if they do. */
async function check(gateway) {
  const url = `${gateway}/api/v1/realm/presence?users=${encodeURIComponent("[12]")}`;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const reply = await fetch(url, { signal }).catch(() => undefined);
  // A picture needs no permission: a gateway that shows one runs, and refuses this page alone.
  if (!reply && (await isImage(`${gateway}/users/12/presence.svg`)))
    return `The gateway runs, but does not allow pages of ${location.origin}, as this one is. Start it with --allow-origin ${location.origin}.`;
  const about = `Here: ${gateway}/api/v1/`;
  if (!reply) return `${PREFIX}${UNREACHABLE} ${about}`;
  if (reply.status >= 500) return NO_ZULIP;
  const body = await reply.json().catch(() => undefined);
  return reply.ok && body?.presences ? "" : `${PREFIX}${NOT_ZULIP} ${about}`;
}

async function isImage(src) {
  const picture = Object.assign(new Image(), { src });
  return picture.decode().then(
    () => true,
    () => false,
  );
}

function complain({ complaints, people, target }, reachability) {
  const refused = people.flatMap((person) => {
    const refusal = TARGETS[target].refusal?.(person);
    return refusal ? [`Line ${person.line}: ${refusal}`] : [];
  });
  const lines = {
    ...complaints,
    gateway: complaints.gateway ?? (reachability ? [reachability] : []),
    people: [...(complaints.people ?? []), ...refused],
  };
  for (const name of ["gateway", "people", "zulip", "page"]) {
    const text = (lines[name] ?? []).join("\n");
    setText(document.querySelector(`#${name}-complaint`), text);
    field(name).ariaInvalid = text ? "true" : "false";
  }
}

/** What else the widget says in the console stands below the badges. */
function listenToConsole() {
  const output = document.querySelector("#console-complaint");
  const { warn } = console;
  console.warn = (...things) => {
    warn.apply(console, things);
    const [text] = things;
    if (!`${text}`.startsWith(PREFIX) || TOLD.some((line) => text.includes(line))) return;
    setText(output, [output.textContent, text].filter(Boolean).join("\n"));
  };
}

function show(settings) {
  const { gateway, isOverlay, label, hasDetails } = settings;
  const people = gateway ? settings.people : [];
  fill(".live", [people, isOverlay, label, hasDetails], () =>
    people.map((person) => row(person, settings)),
  );
}

function row(person, settings) {
  const badge = make("zulip-presence");
  for (const [name, value = ""] of attributes(person, settings)) badge.setAttribute(name, value);
  if (!settings.isOverlay) {
    badge.append(person.name);
    return make("li", {}, badge);
  }
  const hue = [...person.user].reduce((sum, character) => sum + character.codePointAt(), 0) % HUES;
  badge.append(
    make("span", { class: `avatar hue-${hue}`, "aria-hidden": "true" }, initials(person)),
  );
  return make("li", { class: "person" }, badge, make("p", {}, make("b", {}, person.name)));
}

function initials({ name, user }) {
  const words = (name || user).split(" ");
  return [words[0], ...words.slice(1).slice(-1)].map((word) => [...word][0]).join("");
}

function writeNotes(settings) {
  const { gateway, zulip, isLocal, isOverlay, hasDetails, ignored, target } = settings;
  const notes = [
    !gateway && "The code needs the address of a gateway.",
    TARGETS[target].hint,
    ignored.length > 0 && `Not possible here: ${ignored.map((name) => IGNORED[name]).join(", ")}.`,
    isOverlay && "Replace picture.jpg by the address of each person's picture.",
    zulip && !hasDetails && "The link to Zulip is in the popover, which is switched off.",
    isLocal && "Only this computer reaches the gateway at this address.",
    gateway &&
      gateway !== ownGateway &&
      "The gateway is not the one that serves this page. Its script will run in your page: name it only if you trust it.",
  ].filter(Boolean);
  fill(".notes", notes, () => notes.map((note) => make("li", {}, note)));
}

function writeCode(settings) {
  const { gateway, people, page, target } = settings;
  const { steps, isPicture } = TARGETS[target];
  const code = gateway && people.length > 0 ? steps(settings) : [];
  if (code.length > 0 && page && !isPicture) {
    const { origin } = new URL(page);
    if (origin !== new URL(gateway).origin)
      code.push(["As an option of the gateway", `--allow-origin ${origin}`]);
  }
  fill(".steps", code, () => code.map(step));
}

function step([where, text]) {
  const code = make("code", {}, text);
  const button = make("button", { type: "button", "aria-label": `Copy: ${where}` }, "Copy");
  button.addEventListener("click", () => copy(code, button, where));
  // The next copy is to be announced too.
  button.addEventListener("blur", () => copied(button, "Copy", ""));
  const caption = make("figcaption", {}, make("span", {}, where), button);
  return make("figure", {}, caption, make("pre", { tabindex: "0" }, code));
}

async function copy(code, button, where) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    copied(button, "Copied", `Copied: ${where}`);
  } catch {
    // Browsers allow it to https pages only, and not if the user forbids it.
    getSelection().selectAllChildren(code);
    copied(button, "Selected", "Selected: copy it by the keyboard or the menu.");
  }
}

function copied(button, label, announcement) {
  button.textContent = label;
  document.querySelector("#copied").value = announcement;
}

/** Into the address: what differs from the form's defaults and is valid, so that no password of an address gets there. */
function remember(settings) {
  const people = settings.people.map(({ user, name }) => `${user} ${name}`.trim()).join("\n");
  const { gateway, zulip, page } = settings;
  const valid = { ...Object.fromEntries(new FormData(form)), people, gateway, zulip, page };
  const changed = Object.entries(valid).filter(
    ([name, value]) => value && value !== initial.get(name),
  );
  const hash = new URLSearchParams(changed).toString();
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
}

function fill(selector, content, elements) {
  const key = JSON.stringify(content);
  if (written[selector] === key) return;
  written[selector] = key;
  document.querySelector(selector).replaceChildren(...elements());
}

/** A live region is read again whenever it is written. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const attribute of Object.entries(attributes)) element.setAttribute(...attribute);
  element.append(...children);
  return element;
}
