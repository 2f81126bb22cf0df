import { hydrateRoot } from "react-dom/client";
import { Page } from "./react.jsx";

const props = JSON.parse(document.querySelector("#props").textContent);
const root = props.isWholeDocument ? document : document.querySelector("#root");

// The test calls it: badges are drawn by then, which is the worst case.
window.hydrate = () => hydrateRoot(root, <Page {...props} late={{ read() {} }} />);
