import { zulipPresence } from "zulip-presence";
import { team as preact } from "./preact";
import { team as react } from "./react";
import { team as vue } from "./vue";

zulipPresence.configure({ endpoint: new URLSearchParams(location.search).get("endpoint")! });

const badge = document.createElement("zulip-presence");
badge.setAttribute("user", "12");
badge.setAttribute("name", "Ada");
badge.append("Ada");
// @ts-expect-error There is no such status.
badge.status satisfies "busy";
badge.addEventListener("presence-change", ({ detail }) => {
  document.body.dataset.change = `${detail.previous} ${detail.status}`;
});
document.querySelector("#plain")!.append(badge);

react(document.querySelector("#react")!);
vue(document.querySelector("#vue")!);
preact(document.querySelector("#preact")!);
