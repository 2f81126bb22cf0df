import { useState } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import { usePresence } from "zulip-presence/react";

export function Drawn() {
  const [user, setUser] = useState<number | string>(3001);
  const { status, lastActive, refresh } = usePresence(user);
  // @ts-expect-error There is no such status.
  status satisfies "busy";
  return (
    <p>
      <output title={lastActive?.toISOString() ?? "never"}>{status}</output>
      <button onClick={() => setUser("3003")}>Next</button>
      <button onClick={refresh}>Refresh</button>
    </p>
  );
}

export function Wrong() {
  // @ts-expect-error It needs somebody.
  usePresence();
}

export function mount(element: Element, isFromServer: boolean) {
  const root = isFromServer ? hydrateRoot(element, <Drawn />) : createRoot(element);
  if (!isFromServer) root.render(<Drawn />);
  return () => root.unmount();
}
