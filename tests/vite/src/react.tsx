import { createRoot } from "react-dom/client";
import { useState } from "react";
import type { PresenceStatus } from "zulip-presence/react";

function Team() {
  const [status, setStatus] = useState<PresenceStatus>("unknown");
  return (
    <zulip-presence
      user={17}
      label="status"
      overlay={false}
      className={status}
      onpresence-change={(event) => setStatus(event.detail.status)}
    >
      Tomasz
    </zulip-presence>
  );
}

// @ts-expect-error There is no such label.
export const wrong = <zulip-presence user={17} label="loud" />;

// @ts-expect-error A badge needs somebody.
export const nobody = <zulip-presence name="Tomasz" />;

export function team(root: Element) {
  createRoot(root).render(<Team />);
}
