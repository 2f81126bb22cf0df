import { FluentProvider, PresenceBadge, webLightTheme } from "@fluentui/react-components";
import { createRoot } from "react-dom/client";
import { AVAILABILITY, statuses } from "./statuses.js";

createRoot(document.getElementById("root")).render(
  <FluentProvider theme={webLightTheme}>
    {statuses.map((status, place) => (
      <PresenceBadge key={place} status={AVAILABILITY[status]} size="small" />
    ))}
  </FluentProvider>,
);
