// Components that draw presence in their own way. What a server has rendered is hydrated.
import { type Presence, zulipPresence } from "zulip-presence";
import * as preact from "./preact";
import * as react from "./react";
import * as vue from "./vue";

const parameters = new URLSearchParams(location.search);
zulipPresence.configure({ endpoint: parameters.get("endpoint")!, interval: 15 });
if (parameters.has("known")) {
  const { status } = await new Promise<Presence>((resolve) =>
    zulipPresence.subscribe(3001, resolve),
  );
  document.body.dataset.known = status;
}

/** Subscriptions that have not ended. */
const counted = (difference: number) => {
  const before = Number(document.body.dataset.subscriptions ?? 0);
  document.body.dataset.subscriptions = `${before + difference}`;
};
const { subscribe } = zulipPresence;
zulipPresence.subscribe = (user, callback) => {
  counted(1);
  const unsubscribe = subscribe(user, callback);
  return () => {
    counted(-1);
    unsubscribe();
  };
};

const unmounts = Object.entries({ react, preact, vue }).map(([name, { mount }]) => {
  const root = document.getElementById(name)!;
  return mount(root, root.hasChildNodes());
});
document.querySelector("#leave")!.addEventListener("click", () => {
  for (const unmount of unmounts) unmount();
});
