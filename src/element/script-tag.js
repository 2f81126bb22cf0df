// The script tag, and the settings that its attributes and `zulipPresence.configure` give.

export const script = globalThis.document?.currentScript;
/** What the files are relative to. */
export const baseUrl = script?.src || globalThis.document?.baseURI;
/** By the names of `dataset`. */
export const settings = { ...script?.dataset };

/** Where requests go if nothing else is said. */
export const defaultEndpoint = () => new URL("api/v1", baseUrl).href;

/** Whether marked elements are to get a badge each. */
export const wantsScan = () => "scan" in settings;
