// The script tag, and the settings that its attributes, `window.zulipPresence` and `zulipPresence.configure` give.

const FILE = "/zulip-presence.js";
/** As the WebAssembly takes them; by the names of `dataset`. */
export const SETTING_NAMES = [
  ...["endpoint", "interval", "offlineAfter", "credentials", "email", "apiKey", "zulip"],
];

/** What runs this. Null for a module, after import() and in evaluated text. */
const current = globalThis.document?.currentScript;
/** The script tag: what runs this, or else the one that names the file. */
export const script =
  current?.src || current?.dataset.endpoint
    ? current
    : globalThis.document?.querySelector(`script[src*="${FILE}"]`);

export const settings = {};
// What the page laid there beforehand counts less than the tag.
for (const name of [...SETTING_NAMES, "scan"]) {
  const value = globalThis.zulipPresence?.[name];
  if (value != null) settings[name] = value;
}
Object.assign(settings, script?.dataset);

/** What the files are relative to: the script, or where that is another file the gateway. Undefined where neither can be told. */
export function baseUrl() {
  const ofScript = httpUrl(script?.src);
  if (ofScript?.includes(FILE) || settings.email) return ofScript;
  const [ofGateway, ...rest] = httpUrl(settings.endpoint)?.split(/api\/v1\/?$/) ?? [];
  return rest.length ? ofGateway : ofScript;
}

/** Where requests go if nothing else is said; undefined where nothing tells. */
export function defaultEndpoint() {
  const base = baseUrl() ?? (IS_PACKAGE ? document.baseURI : undefined);
  return base && new URL("api/v1", base).href;
}

/** Whether marked elements are to get a badge each. */
export const wantsScan = () => "scan" in settings;

/** The URL, absolute; undefined if it is no http or https URL. */
export function httpUrl(written) {
  try {
    const { href } = new URL(written || "about:blank", document.baseURI);
    return href.startsWith("http") ? href : undefined;
  } catch {
    return undefined;
  }
}
