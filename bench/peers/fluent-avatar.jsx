import { Avatar, FluentProvider, webLightTheme } from "@fluentui/react-components";
import { createRoot } from "react-dom/client";
import { AVAILABILITY, statuses } from "./statuses.js";

createRoot(document.getElementById("root")).render(
  <FluentProvider theme={webLightTheme}>
    {statuses.map((status, place) => (
      <Avatar key={place} name={`Person ${place}`} badge={{ status: AVAILABILITY[status] }} />
    ))}
  </FluentProvider>,
);
