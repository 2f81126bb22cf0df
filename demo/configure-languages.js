// How languages write elements and texts: each escapes the characters that are its own syntax.

const LABELS = {
  status: "Label::Status",
  "last-active": "Label::LastActive",
  message: "Label::Message",
};

/** The element's tag, an attribute (a switch has no value), a text, and the end of a tag without content. */
export const html = {
  tag: "zulip-presence",
  attribute: (name, value) => (value === undefined ? name : `${name}="${escapeHtml(value)}"`),
  text: escapeHtml,
  end: ">",
};
export const vue = {
  ...html,
  attribute: (name, value) => html.attribute(name, value).replaceAll("{", "&#123;"),
  text: (text) => escapeHtml(text).replaceAll("{", "&#123;"),
};
export const jsx = {
  ...html,
  attribute: (name, value) => {
    if (value === undefined) return name;
    return /["&]/.test(value) ? `${name}={${JSON.stringify(value)}}` : `${name}="${value}"`;
  },
  text: (text) => (/[{}<>&]/.test(text) ? `{${JSON.stringify(text)}}` : text),
  end: " />",
};
export const yew = {
  tag: "PresenceBadge",
  attribute: (name, value = true) => {
    if (name === "label") return `label={${LABELS[value]}}`;
    return `${name}=${value === true ? value : rustString(value)}`;
  },
  text: (text) => text && `{ ${rustString(text)} }`,
  end: " />",
};

/** A person's element around the name, or around a picture. */
export function element({ tag, attribute, text, end }, attributes, name, picture) {
  const written = attributes.map((pair) => attribute(...pair)).join(" ");
  const content = picture
    ? `<img ${attribute("src", picture)} ${attribute("alt", name)}${end}`
    : text(name);
  return `<${tag} ${written}>${content}</${tag}>`;
}

export function escapeHtml(text) {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (c) => entities[c]);
}

/** MediaWiki reads character references in texts and in attributes. */
export function escapeWikitext(text) {
  return text.replace(/[^\p{L}\p{M}\p{N} @.,-]/gu, (c) => `&#${c.codePointAt()};`);
}

/** All that may be syntax in whatever flavour of Markdown, within a line and (lists) at its beginning. */
export function escapeMarkdown(text) {
  return text.replace(/[\\`*_{}[\]<>#+!|~&$^=:@]/g, "\\$&").replace(/^(\d*)([-.)])/, "$1\\$2");
}

/** All but RFC 3986's unreserved bytes. */
export function percentEncode(text) {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt().toString(16).toUpperCase()}`,
  );
}

/** The compiler refuses invisible characters that turn the direction of text. */
function rustString(text) {
  const escaped = text
    .replace(/[\\"]/g, "\\$&")
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt().toString(16)}}`);
  return `"${escaped}"`;
}
