// The code that a page author pastes, for each place where badges can stand. Names may hold any character.

import * as languages from "./configure-languages.js";
import {
  element,
  escapeHtml,
  escapeMarkdown,
  escapeWikitext,
  percentEncode,
} from "./configure-languages.js";

/** What the files of integrations/mediawiki hold; a test compares them. */
const COMMON_JS = ({ gateway, zulip }) =>
  `/* Shows live Zulip status beside every element with data-zulip-presence. Paste this into MediaWiki:Common.js, with the address of your gateway. */
( function () {
	var script = document.createElement( 'script' );
	script.src = '${gateway}/zulip-presence.js';
	script.async = true;
	script.setAttribute( 'data-scan', '' );${zulip ? `\n\tscript.setAttribute( 'data-zulip', '${zulip}' );` : ""}
	document.head.appendChild( script );
}() );`;
const TEMPLATE = `<includeonly><span data-zulip-presence="{{{1|}}}" data-zulip-presence-name="{{{2|}}}" data-zulip-presence-label="{{{label|none}}}">{{{2|{{{1|}}}}}}</span></includeonly><noinclude>
Shows a person's live Zulip status: <code><nowiki>{{Zulip presence|12|Ada Lovelace}}</nowiki></code>, or with words <code><nowiki>{{Zulip presence|12|Ada Lovelace|label=status}}</nowiki></code>.
</noinclude>`;
const VUE_OPTION = `vue({ template: { compilerOptions: { isCustomElement: (tag) => tag === "zulip-presence" } } })`;
/** Stands for each person's own. */
const PICTURE = "picture.jpg";

/**
 * By the value of the form's field: `steps` makes the code, `options` are those of the form that have an effect there, `hint` is for
 * whoever pastes. `refusal` says why a person cannot be written there.
 */
export const TARGETS = {
  html: { steps: html, options: ["overlay", "label", "details", "zulip"] },
  marks: {
    steps: marks,
    options: ["label", "details", "zulip"],
    hint: "For editors that remove unknown tags. Any element that may contain text can stand in place of the span.",
  },
  mediawiki: {
    steps: mediawiki,
    options: ["label", "zulip"],
    hint: "The first two steps are done once, by somebody who may edit site-wide JavaScript.",
  },
  dokuwiki: {
    steps: dokuwiki,
    options: ["label", "details", "zulip"],
    hint: "The gateway's address is for the plugin zulippresence: copy it from integrations/dokuwiki to your wiki's plugins.",
    refusal: ({ user, name }) =>
      (/[?|}]/.test(user) || name.includes("}")) &&
      "DokuWiki's syntax has no way to write } in a name, or any of ? | } in an email.",
  },
  markdown: {
    steps: markdown,
    options: [],
    isPicture: true,
    hint: "A picture shows the status as of when the page was loaded.",
  },
  react: {
    steps: react,
    options: ["overlay", "label", "details", "zulip"],
    hint: "This needs the npm package zulip-presence.",
  },
  vue: {
    steps: vue,
    options: ["overlay", "label", "details", "zulip"],
    hint: "This needs the npm package zulip-presence.",
  },
  yew: {
    steps: yew,
    options: ["overlay", "label", "details", "zulip"],
    hint: "This needs the crate zulip-presence-widget.",
  },
};

/** The settings without those that have no effect at their target; these in `ignored`, by name. */
export function applicable(settings) {
  const { options, refusal = () => false } = TARGETS[settings.target];
  const wanted = {
    overlay: settings.isOverlay,
    label: settings.label !== "none",
    details: settings.hasDetails,
    zulip: Boolean(settings.zulip),
  };
  const isOverlay = wanted.overlay && options.includes("overlay");
  // Beside a picture there is no room for text.
  const isIgnored = (name) => !options.includes(name) || (name === "label" && isOverlay);
  const ignored = Object.keys(wanted).filter((name) => wanted[name] && isIgnored(name));
  return {
    ...settings,
    isOverlay,
    label: ignored.includes("label") ? "none" : settings.label,
    hasDetails: wanted.details && !ignored.includes("details"),
    zulip: ignored.includes("zulip") ? undefined : settings.zulip,
    people: settings.people.filter((person) => !refusal(person)),
    ignored,
  };
}

/** The attributes of a person's element; those without a value are switches. A button needs a name, other badges follow it. */
export function attributes({ user, name }, { label, isOverlay, hasDetails }) {
  return [
    ["user", user],
    ...(hasDetails && name ? [["name", name]] : []),
    ...(label === "none" ? [] : [["label", label]]),
    ...(isOverlay ? [["overlay"]] : []),
    ...(hasDetails ? [["details"]] : []),
  ];
}

function html(settings) {
  return [
    ["In the head of the page", scriptTag(settings)],
    ["Where each name stands", elements(settings, languages.html)],
  ];
}

function marks(settings) {
  const mark = (person) => {
    const [user, ...others] = attributes(person, settings);
    const written = [
      ["data-zulip-presence", user[1]],
      ...others.map(([name, value]) => [`data-zulip-presence-${name}`, value]),
    ].map((pair) => languages.html.attribute(...pair));
    return `<span ${written.join(" ")}>${escapeHtml(person.name)}</span>`;
  };
  return [
    ["In the head of every page", scriptTag(settings, " data-scan")],
    ["Where each name stands", lines(settings, mark)],
  ];
}

function mediawiki(settings) {
  const call = ({ user, name }) => {
    const label = settings.label === "none" ? [] : [`label=${settings.label}`];
    return `{{${["Zulip presence", escapeWikitext(user), ...(name ? [escapeWikitext(name)] : []), ...label].join("|")}}}`;
  };
  return [
    ["At the end of MediaWiki:Common.js", COMMON_JS(settings)],
    ["As the page Template:Zulip presence", TEMPLATE],
    ["Where each name stands", lines(settings, call)],
  ];
}

function dokuwiki(settings) {
  const options = [
    ...(settings.label === "none" ? [] : [`label=${settings.label}`]),
    ...(settings.hasDetails ? ["details"] : []),
  ].join("&");
  const call = ({ user, name }) =>
    `{{zulip>${user}${options && `?${options}`}${name && `|${name}`}}}`;
  return [
    ["In Admin → Configuration Settings → Zulippresence: gateway", settings.gateway],
    ...(settings.zulip ? [["And there: zulip", settings.zulip]] : []),
    ["Where each name stands", lines(settings, call)],
  ];
}

function markdown(settings) {
  const picture = ({ user, name }) => {
    const text = escapeMarkdown(name);
    const src = `${settings.gateway}/users/${percentEncode(user)}/presence.svg`;
    return `${text && `${text} `}![Zulip status${text && ` of ${text}`}](${src})`;
  };
  return [["Where each name stands", lines(settings, picture)]];
}

function react(settings) {
  const code = `${importOf("react")}

${configure(settings)}

export function Team() {
  return (
    <>
${indent(elements(settings, languages.jsx), 6)}
    </>
  );
}`;
  return [["As a component", code]];
}

function vue(settings) {
  const code = `<script setup>
${importOf("vue")}

${configure(settings)}
</script>

<template>
${indent(elements(settings, languages.vue), 2)}
</template>`;
  return [
    ["Among the plugins in vite.config.js", VUE_OPTION],
    ["As a component", code],
  ];
}

function yew(settings) {
  const names = [
    ...(settings.label === "none" ? [] : ["Label"]),
    "PresenceBadge",
    "PresenceProvider",
  ];
  const code = `use yew::prelude::*;
use zulip_presence_widget::{${names.join(", ")}};

#[function_component]
fn Team() -> Html {
    html! {
        <PresenceProvider endpoint="${settings.gateway}/api/v1"${settings.zulip ? ` zulip="${settings.zulip}"` : ""}>
${indent(elements(settings, languages.yew), 12)}
        </PresenceProvider>
    }
}`;
  return [["As a component", code]];
}

function elements(settings, language) {
  return lines(settings, (person) =>
    element(language, attributes(person, settings), person.name, settings.isOverlay && PICTURE),
  );
}

const lines = ({ people }, write) => people.map(write).join("\n");
const indent = (text, spaces) => text.replace(/^/gm, " ".repeat(spaces));

function scriptTag({ gateway, zulip }, scan = "") {
  return `<script src="${gateway}/zulip-presence.js" async${scan}${zulip ? ` data-zulip="${zulip}"` : ""}></script>`;
}

function importOf(framework) {
  return `import { zulipPresence } from "zulip-presence/${framework}";`;
}

function configure({ gateway, zulip }) {
  return `zulipPresence.configure({ endpoint: "${gateway}/api/v1"${zulip ? `, zulip: "${zulip}"` : ""} });`;
}
