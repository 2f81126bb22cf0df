/** @jsxImportSource preact */
import { render } from "preact";
import type {} from "zulip-presence/preact";

// @ts-expect-error There is no such label.
export const wrong = <zulip-presence user={17} label="loud" />;

export function team(root: Element) {
  render(
    <zulip-presence user="3001" name="Ines" label="status" lang="de" details>
      Ines
    </zulip-presence>,
    root,
  );
}
