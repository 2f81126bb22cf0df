// The invented people of the bench, and an endpoint's replies about them: the same JSON for every page that fetches.

/** By the last digit of the ID. */
const STATUSES = [
  "active",
  "active",
  "active",
  "active",
  "idle",
  "idle",
  "offline",
  "offline",
  "offline",
  "unknown",
];
/** Further badges repeat people who are already on the page: a page sends at most 60 requests a minute. */
export const MOST_PEOPLE = 1000;

/** The person of the badge at this index of the page. */
export function personAt(place) {
  return (place % MOST_PEOPLE) + 1;
}

/** What the badge of a person must show. With each generation one person in ten changes. */
export function statusOf(person, generation = 0) {
  if (person % 10 === 0) return generation % 2 ? "idle" : "active";
  return STATUSES[person % 10];
}

/** The reply to `realm/presence?users=[…]`, in the gateway's shape; slim if requested. */
export function realmPresence(users, generation, isSlim) {
  const now = Date.now() / 1000;
  return {
    result: "success",
    msg: "",
    presences: Object.fromEntries(
      users.map((user) => [user, presence(statusOf(Number(user), generation), now, isSlim)]),
    ),
    server_timestamp: now,
    server_presence_offline_threshold_seconds: 200,
  };
}

function presence(status, now, isSlim) {
  const age = { active: [20, 20], idle: [1800, 20], offline: [7200, 5400] }[status];
  if (!age) return {};
  const [active, idle] = age.map((seconds) => Math.floor(now) - seconds);
  if (isSlim) return { active_timestamp: active, idle_timestamp: idle };
  const claim = { client: "website", status, timestamp: status === "active" ? active : idle };
  return {
    active_timestamp: active,
    idle_timestamp: idle,
    website: { ...claim, status: status === "active" ? "active" : "idle" },
    aggregated: claim,
  };
}
