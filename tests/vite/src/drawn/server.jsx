// What a server renders: the HTML of each framework's component.
import { renderToString as preactToString } from "preact-render-to-string";
import { h } from "preact";
import { renderToString as reactToString } from "react-dom/server";
import { createSSRApp } from "vue";
import { renderToString as vueToString } from "vue/server-renderer";
import * as preact from "./preact";
import * as react from "./react";
import * as vue from "./vue";

export async function render() {
  return {
    react: reactToString(<react.Drawn />),
    preact: preactToString(h(preact.Drawn, null)),
    vue: await vueToString(createSSRApp(vue.Drawn)),
  };
}
