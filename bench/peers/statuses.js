/** What the page says of its people: these peers fetch nothing, so they are given what they are to show. */
export const statuses = JSON.parse(document.getElementById("statuses").textContent);

/** In Microsoft's words. */
export const AVAILABILITY = {
  active: "available",
  idle: "away",
  offline: "offline",
  unknown: "unknown",
};
