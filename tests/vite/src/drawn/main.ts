// Components that draw presence themselves. What a server has rendered is hydrated.
import { type Presence, zulipPresence } from "zulip-presence";
import * as preact from "./preact";
import * as react from "./react";
import * as vue from "./vue";

const parameters = new URLSearchParams(location.search);
zulipPresence.configure({ endpoint: parameters.get("endpoint")!, interval: 60 });
if (parameters.has("known")) {
  const { status } = await new Promise<Presence>((resolve) =>
    zulipPresence.subscribe(3001, resolve),
  );
  document.body.dataset.known = status;
}

/** Counts in attributes of the body: subscriptions that have not ended, and refreshes. */
const count = (name: string, difference: number) => {
  const before = Number(document.body.dataset[name] ?? 0);
  document.body.dataset[name] = `${before + difference}`;
};
const { subscribe, refresh } = zulipPresence;
zulipPresence.subscribe = (user, callback) => {
  count("subscriptions", 1);
  const unsubscribe = subscribe(user, callback);
  return () => {
    count("subscriptions", -1);
    unsubscribe();
  };
};
zulipPresence.refresh = (user) => {
  count("refreshes", 1);
  refresh(user);
};

const unmounts = Object.entries({ react, preact, vue }).map(([name, { mount }]) => {
  const root = document.getElementById(name)!;
  return mount(root, root.hasChildNodes());
});
document.querySelector("#leave")!.addEventListener("click", () => {
  for (const unmount of unmounts) unmount();
});
