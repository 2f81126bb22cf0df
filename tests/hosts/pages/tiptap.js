// An editor whose documents may hold people, each a <zulip-presence> with text that can be edited.

import { Editor, Node, mergeAttributes } from "@tiptap/core";
import StarterKit from "@tiptap/starter-kit";

const attribute = (name) => ({
  default: null,
  parseHTML: (element) => element.getAttribute(name),
});

const Person = Node.create({
  name: "person",
  group: "inline",
  inline: true,
  content: "text*",
  addAttributes: () => ({ user: attribute("user"), name: attribute("name") }),
  parseHTML: () => [{ tag: "zulip-presence" }],
  renderHTML: ({ HTMLAttributes }) => ["zulip-presence", mergeAttributes(HTMLAttributes), 0],
});

window.editor = new Editor({
  element: document.querySelector("#editor"),
  extensions: [StarterKit, Person],
  content: document.querySelector("#content").innerHTML,
});
