import { renderToPipeableStream } from "react-dom/server";
import { Page } from "./react.jsx";

/** Pipes the page into `destination`: the shell immediately, and the team when it has loaded. */
export function render(props, destination) {
  let come;
  let isHere = false;
  const coming = new Promise((resolve) => (come = resolve));
  const late = {
    read() {
      if (!isHere) throw coming;
    },
  };
  const { pipe } = renderToPipeableStream(<Page {...props} late={late} />, {
    onShellReady() {
      pipe(destination);
      isHere = true;
      come();
    },
    onError: (error) => destination.destroy(error),
  });
}
