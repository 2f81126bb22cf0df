//! Compares our status with Zulip's own two rules, transcribed from its source, on the same JSON:
//! random people, as every generation of servers would write them, seen at random ages. Every
//! intended difference is a [`Why`]; anything else fails.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;
use zulip_presence_core::reply::HttpReply;
use zulip_presence_core::{Observation, Status, Timestamp, UserRef};

const PEOPLE: usize = 100_000;
/// When the first person is requested: Monday 2026-11-23 19:30:00 GMT.
const START_MS: i64 = 1_795_462_200_000;

/// The oracle's status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Said {
    Active,
    Idle,
    Offline,
}

impl Said {
    fn status(self) -> Status {
        match self {
            Self::Active => Status::Active,
            Self::Idle => Status::Idle,
            Self::Offline => Status::Offline,
        }
    }
}

/// Where we differ from Zulip, and why.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Why {
    /// Zulip's client still uses old replies; ours says unknown once a reply is older than the
    /// threshold.
    AnswerTooOld,
    /// The timestamps were fresh when observed, and no reply came since. Those of a person who is
    /// online could not have aged out by then in a new reply, so after threshold − 80 s that is an
    /// outage, not an absence.
    NothingHeard,
    /// At exactly the threshold the web app no longer counts a timestamp (`<`), the server still
    /// does (`>`). We follow the server.
    AtThreshold,
    /// The server drops fractions of its now, we do not: a timestamp may expire up to a second
    /// sooner.
    FractionOfASecond,
    /// Before Zulip 7 `aggregated` is only the newest client, and an idle phone hides an active
    /// desktop. We count all clients.
    MaskedByANewerClient,
    /// A timestamp more than a minute ahead of the reply: Zulip uses it for as long as it lies
    /// ahead. We ignore it. Of several clients we keep only the newest timestamp of each status, so
    /// the older ones of that status are ignored too.
    FromTheFuture,
    /// No timestamp at all: Zulip's web app says offline, we say unknown.
    NoClaim,
    /// The server's threshold is not the reader's: each side uses its own.
    OtherThreshold,
}

/// A reply of one generation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Generation {
    /// Before Zulip 7: an entry for each client.
    Clients,
    /// Zulip 7: idle after two minutes.
    Minutes,
    /// Later, to 11: idle once a client was connected more than 70 s after the last activity.
    Legacy,
    /// 12 in development: modern fields only.
    Modern,
    /// 12: both, and the server's now.
    Both,
    /// A possible later version: the modern fields and the server's now.
    Fifth,
    /// The organisation-wide reply of [`Legacy`](Self::Legacy) servers.
    Realm,
}

const GENERATIONS: [Generation; 7] = [
    Generation::Clients,
    Generation::Minutes,
    Generation::Legacy,
    Generation::Modern,
    Generation::Both,
    Generation::Fifth,
    Generation::Realm,
];

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn within(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.next() % (high - low + 1).unsigned_abs()).unwrap_or(0)
    }

    fn one_in(&mut self, n: i64) -> bool {
        self.within(1, n) == 1
    }

    /// An age in seconds, most often where something changes.
    fn age_s(&mut self, threshold_s: i64) -> i64 {
        match self.within(0, 9) {
            0 | 1 => threshold_s + self.within(-2, 2),
            2 => 70 + self.within(-3, 3),
            3 => 120 + self.within(-3, 3),
            4 | 5 => self.within(0, threshold_s),
            6 => self.within(0, 65),
            7 => self.within(0, 3 * threshold_s),
            8 => self.within(-66, 5),
            _ => self.within(0, 4 * 365 * 86_400),
        }
    }
}

/// What a server knows about a person, in milliseconds: when they were last active and connected,
/// by client.
struct Person {
    clients: Vec<(&'static str, Option<i64>, Option<i64>)>,
    asked_ms: i64,
    /// The server's threshold, and the reader's.
    server_s: i64,
    reader_s: i64,
}

impl Person {
    fn new(chance: &mut Chance) -> Self {
        let server_s = if chance.one_in(3) { chance.within(60, 600) } else { 200 };
        let reader_s = if chance.one_in(20) { chance.within(60, 600) } else { server_s };
        let asked_ms = START_MS + chance.within(0, 1_000_000_000);
        let whole = chance.one_in(2);
        let asked_ms = if whole { asked_ms / 1000 * 1000 } else { asked_ms };
        let mut clients = Vec::new();
        for client in ["website", "ZulipMobile", "ZulipElectron"]
            .into_iter()
            .take(usize::try_from(chance.within(1, 3)).unwrap_or(1))
        {
            // Servers store whole seconds; other implementations may not.
            let grain = if chance.one_in(8) { 1 } else { 1000 };
            let at = |chance: &mut Chance| {
                let exact = asked_ms - chance.age_s(reader_s) * 1000
                    + if grain == 1 { chance.within(-1500, 1500) } else { 0 };
                exact.div_euclid(grain) * grain
            };
            let active = (!chance.one_in(8)).then(|| at(chance));
            let connected = match chance.within(0, 9) {
                0 => None,
                1..=4 => Some(at(chance)),
                5 | 6 => active,
                7 | 8 => active.map(|active| active + chance.within(60, 80) * 1000),
                _ => Some((asked_ms - chance.within(0, 60_000)).div_euclid(grain) * grain),
            };
            clients.push((client, active, connected.max(active.filter(|_| !chance.one_in(10)))));
        }
        Self { clients, asked_ms, server_s, reader_s }
    }

    fn last_active(&self) -> Option<i64> {
        self.clients.iter().filter_map(|client| client.1).max()
    }

    fn last_connected(&self) -> Option<i64> {
        self.clients.iter().filter_map(|client| client.2).max()
    }
}

/// UNIX seconds as JSON.
fn seconds(ms: i64) -> String {
    if ms % 1000 == 0 {
        (ms / 1000).to_string()
    } else {
        format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
    }
}

/// The body that a server of `generation` sends, modelled on `get_presence_backend` and
/// `get_presence_response`. `None`: "No presence data".
fn body(person: &Person, generation: Generation) -> Option<String> {
    let presence = match generation {
        Generation::Clients => clients(person)?,
        Generation::Minutes => legacy(person, |active| person.asked_ms - active <= 120_000)?,
        Generation::Legacy | Generation::Realm => legacy(person, |active| {
            // PRESENCE_LEGACY_EVENT_OFFSET_FOR_ACTIVITY_SECONDS
            person.last_connected().is_none_or(|connected| active + 70_000 >= connected)
        })?,
        Generation::Modern | Generation::Fifth => modern(person),
        Generation::Both => {
            let legacy = legacy(person, |active| {
                person.last_connected().is_none_or(|connected| active + 70_000 >= connected)
            })?;
            [legacy.trim_end_matches('}'), "},", modern(person).trim_start_matches('{')].concat()
        }
    };
    let now = seconds(person.asked_ms);
    Some(match generation {
        Generation::Realm => {
            format!(
                r#"{{"result":"success","msg":"","presences":{{"ada@example.com":{presence}}},"server_timestamp":{now}}}"#
            )
        }
        Generation::Both | Generation::Fifth => {
            format!(
                r#"{{"result":"success","msg":"","presence":{presence},"server_timestamp":{now}}}"#
            )
        }
        _ => format!(r#"{{"result":"success","msg":"","presence":{presence}}}"#),
    })
}

/// `aggregated_info["status"] = "offline"`, only in a reply about one person.
fn aggregated(person: &Person, status: &'static str, at: i64) -> &'static str {
    let age_s = person.asked_ms.div_euclid(1000) - at.div_euclid(1000);
    if age_s > person.server_s { "offline" } else { status }
}

/// Before 7.0: a row for each client, `aggregated` is the newest row.
fn clients(person: &Person) -> Option<String> {
    let row = |&(client, active, connected): &(&'static str, Option<i64>, Option<i64>)| match (
        active, connected,
    ) {
        (Some(active), connected) if connected.is_none_or(|connected| active >= connected) => {
            Some((active, "active", client))
        }
        (_, Some(connected)) => Some((connected, "idle", client)),
        _ => None,
    };
    let mut rows: Vec<_> = person.clients.iter().filter_map(row).collect();
    rows.sort_by_key(|(at, ..)| *at);
    let &(newest, status, _) = rows.last()?;
    let mut json = String::from("{");
    for (at, status, client) in &rows {
        let _ = write!(json, r#""{client}":{{"status":"{status}","timestamp":{}}},"#, seconds(*at));
    }
    let status = aggregated(person, status, newest);
    let _ =
        write!(json, r#""aggregated":{{"status":"{status}","timestamp":{}}}}}"#, seconds(newest));
    Some(json)
}

/// `get_legacy_user_presence_info`: `website` and `aggregated`, alike but for "offline".
fn legacy(person: &Person, is_active: impl Fn(i64) -> bool) -> Option<String> {
    let (status, at) = match (person.last_active(), person.last_connected()) {
        (Some(active), _) if is_active(active) => ("active", active),
        (active, connected) => ("idle", connected.or(active)?),
    };
    let aggregated = if person.asked_ms % 7 == 0 { status } else { aggregated(person, status, at) };
    let at = seconds(at);
    Some(format!(
        r#"{{"aggregated":{{"status":"{aggregated}","timestamp":{at}}},"website":{{"status":"{status}","timestamp":{at},"pushable":false}}}}"#
    ))
}

/// `get_modern_user_presence_info`; each field is optional.
fn modern(person: &Person) -> String {
    let field = |name: &str, at: Option<i64>| at.map(|at| format!(r#""{name}":{}"#, seconds(at)));
    let fields = [
        field("active_timestamp", person.last_active()),
        field("idle_timestamp", person.last_connected()),
    ];
    format!("{{{}}}", fields.into_iter().flatten().collect::<Vec<_>>().join(","))
}

/// The reported timestamps in JSON: `active_timestamp` and `idle_timestamp`, or entries of legacy
/// clients.
#[derive(Clone, Debug, PartialEq)]
enum Claims {
    Modern { active: Option<f64>, idle: Option<f64> },
    Legacy(Vec<(String, String, f64)>),
}

impl Claims {
    fn of(presence: &Value) -> Self {
        let (active, idle) =
            (presence["active_timestamp"].as_f64(), presence["idle_timestamp"].as_f64());
        if active.is_some() || idle.is_some() {
            return Self::Modern { active, idle };
        }
        let entry = |(client, claim): (&String, &Value)| {
            Some((
                client.clone(),
                claim["status"].as_str()?.to_owned(),
                claim["timestamp"].as_f64()?,
            ))
        };
        Self::Legacy(presence.as_object().into_iter().flatten().filter_map(entry).collect())
    }

    fn times(&self) -> Vec<f64> {
        match self {
            Self::Modern { active, idle } => [*active, *idle].into_iter().flatten().collect(),
            Self::Legacy(entries) => entries.iter().map(|(_, _, at)| *at).collect(),
        }
    }

    fn without(&self, drop: impl Fn(f64) -> bool) -> Self {
        match self {
            Self::Modern { active, idle } => Self::Modern {
                active: active.filter(|at| !drop(*at)),
                idle: idle.filter(|at| !drop(*at)),
            },
            Self::Legacy(entries) => {
                let is_lost =
                    |word: &str| entries.iter().any(|(_, other, at)| other == word && drop(*at));
                Self::Legacy(
                    entries.iter().filter(|(_, word, _)| !is_lost(word)).cloned().collect(),
                )
            }
        }
    }
}

/// Zulip's status at `now`. Modern fields: `status_from_raw` of its web app (`presence.ts`).
/// Legacy: the status of `aggregated` in the reply, turned offline by the server's own rule
/// (`get_presence_backend`) for a request at `now`.
fn zulip(claims: &Claims, now: f64, threshold: f64) -> Said {
    match claims {
        Claims::Modern { active, idle } => {
            let age = |at: &Option<f64>| now - at.unwrap_or(0.0);
            if age(active) < threshold {
                Said::Active
            } else if age(idle) < threshold {
                Said::Idle
            } else {
                Said::Offline
            }
        }
        Claims::Legacy(entries) => {
            let newest = || entries.iter().max_by(|(.., a), (.., b)| a.total_cmp(b));
            let Some((_, status, at)) =
                entries.iter().find(|(client, ..)| client == "aggregated").or_else(newest)
            else {
                return Said::Offline;
            };
            if now.floor() - at.floor() > threshold {
                return Said::Offline;
            }
            match status.as_str() {
                "active" => Said::Active,
                "idle" => Said::Idle,
                _ => Said::Offline,
            }
        }
    }
}

/// One body, seen at one instant.
struct Case<'a> {
    claims: &'a Claims,
    observed: f64,
    now: f64,
    server_s: f64,
    reader_s: f64,
}

impl Case<'_> {
    fn said(&self) -> Said {
        zulip(self.claims, self.now, self.server_s)
    }

    /// Whether we must say unknown, whatever Zulip says.
    fn is_unknown(&self) -> bool {
        const MS: f64 = 0.0015;
        let (threshold, times) = (self.reader_s, self.claims.times());
        let was_fresh = times
            .iter()
            .any(|at| self.observed - at < threshold - MS && *at < self.observed + 60.0 - MS);
        let is_stale = times.iter().all(|at| self.now - at > threshold + MS);
        let said_offline = matches!(self.claims, Claims::Legacy(entries) if entries.iter().any(|(_, word, _)| word == "offline"));
        let silence = self.now - self.observed;
        silence > threshold + MS
            || was_fresh && is_stale && !said_offline && silence > threshold - 80.0 + MS
    }

    /// Why `ours` may differ from Zulip's status; `None`: it may not.
    fn excuse(&self, ours: Status) -> Option<Why> {
        let threshold = self.reader_s;
        let age = |at: f64| self.now - at;
        if self.now - self.observed > threshold {
            return (ours == Status::Unknown).then_some(Why::AnswerTooOld);
        }
        if self.server_s != self.reader_s {
            let by_reader = Case { server_s: self.reader_s, ..*self };
            return (by_reader.said().status() == ours || by_reader.excuse(ours).is_some())
                .then_some(Why::OtherThreshold);
        }
        if self.claims.times().is_empty() {
            return (ours == Status::Unknown && self.said() == Said::Offline)
                .then_some(Why::NoClaim);
        }
        let is_future = |at: f64| at > self.observed + 60.0;
        if self.claims.times().into_iter().any(is_future) {
            let past = self.claims.without(is_future);
            let by_past = Case { claims: &past, ..*self };
            let same = by_past.said().status() == ours && !past.times().is_empty();
            return (same || by_past.excuse(ours).is_some()).then_some(Why::FromTheFuture);
        }
        let newest = self.claims.times().into_iter().fold(0.0, f64::max);
        let times = || self.claims.times().into_iter();
        let is_heard = |status: &str| match self.claims {
            Claims::Modern { .. } => false,
            Claims::Legacy(entries) => entries.iter().any(|(client, word, at)| {
                client != "aggregated" && word == status && age(*at) <= threshold
            }),
        };
        match (ours, self.said()) {
            (Status::Active, Said::Idle) if is_heard("active") => Some(Why::MaskedByANewerClient),
            (Status::Active | Status::Idle, Said::Idle | Said::Offline)
                if times().any(|at| (age(at) - threshold).abs() < 0.0015) =>
            {
                Some(Why::AtThreshold)
            }
            (Status::Idle | Status::Offline | Status::Unknown, Said::Active | Said::Idle)
                if matches!(self.claims, Claims::Legacy(_))
                    && times().any(|at| age(at) > threshold && age(at) < threshold + 1.0) =>
            {
                // It may have been fresh when observed, and no reply came since.
                let late = self.now - self.observed > threshold - 80.0;
                (ours != Status::Unknown || late).then_some(Why::FractionOfASecond)
            }
            (Status::Unknown, Said::Offline) => {
                let was_fresh = self.observed - newest <= threshold;
                let late = self.now - self.observed > threshold - 80.0;
                (was_fresh && late).then_some(Why::NothingHeard)
            }
            _ => None,
        }
    }
}

/// Monday 2026-11-23 and the days after it, as HTTP writes them.
fn http_date(ms: i64) -> String {
    let s = ms.div_euclid(1000) - 1_795_392_000;
    let (day, s) = (s / 86_400, s % 86_400);
    let week =
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][usize::try_from(day % 7).unwrap_or(0)];
    let (day, month) = if day < 8 { (23 + day, "Nov") } else { (day - 7, "Dec") };
    format!("{week}, {day:02} {month} 2026 {:02}:{:02}:{:02} GMT", s / 3600, s / 60 % 60, s % 60)
}

/// The result of our parser for the body.
fn ours(body: &str, generation: Generation, asked_ms: i64) -> Option<Observation> {
    let date = http_date(asked_ms);
    let header = |name: &str| (name == "date").then(|| date.clone());
    let reply = HttpReply { status: 200, header: &header, body: body.as_bytes() };
    let (presence, at) = if generation == Generation::Realm {
        let reply = reply.parse_realm().expect("a reply");
        let ada = "ada@example.com".parse::<UserRef>().expect("a user");
        (reply.content.get(&ada).and_then(Result::ok), reply.observed_at())
    } else {
        let reply = reply.parse_user().expect("a reply");
        (reply.content.ok(), reply.observed_at())
    };
    let at = at.expect("a time");
    presence
        .and_then(|presence| presence.without_future_timestamps(at))
        .map(|presence| Observation { presence, at })
}

#[test]
fn agrees_with_zulips_own_rules() {
    let mut chance = Chance(1);
    let mut judged = 0_u64;
    let mut said: BTreeMap<(Generation, Status), u64> = BTreeMap::new();
    let mut whys: BTreeMap<Why, u64> = BTreeMap::new();
    for _ in 0..PEOPLE {
        let person = Person::new(&mut chance);
        for generation in GENERATIONS {
            let Some(body) = body(&person, generation) else {
                continue;
            };
            let observed = ours(&body, generation, person.asked_ms);
            let json: Value = serde_json::from_str(&body).expect("JSON");
            let claims = Claims::of(if generation == Generation::Realm {
                &json["presences"]["ada@example.com"]
            } else {
                &json["presence"]
            });
            let dated_ms = if json["server_timestamp"].is_null() {
                person.asked_ms / 1000 * 1000
            } else {
                person.asked_ms
            };
            let spans = [
                0,
                chance.within(0, 1_500),
                chance.within(0, 120_000),
                chance.within(0, 250_000),
                (person.reader_s - 80) * 1000 + chance.within(-2, 2),
            ];
            for span in spans.into_iter().filter(|span| *span >= 0) {
                let now_ms = dated_ms + span;
                let threshold = Duration::from_secs(person.reader_s.unsigned_abs());
                let ours = observed.map_or(Status::Unknown, |observed| {
                    observed.status(Timestamp::from_ms(now_ms), threshold)
                });
                let at = |ms: i64| ms as f64 / 1000.0;
                let case = Case {
                    claims: &claims,
                    observed: at(dated_ms),
                    now: at(now_ms),
                    server_s: person.server_s as f64,
                    reader_s: person.reader_s as f64,
                };
                judged += 1;
                assert!(
                    ours == Status::Unknown || !case.is_unknown(),
                    "{generation:?} at {now_ms}, {span} ms later: we say {ours}: {body}"
                );
                *said.entry((generation, ours)).or_default() += 1;
                if ours == case.said().status() {
                    continue;
                }
                let Some(why) = case.excuse(ours) else {
                    panic!(
                        "{generation:?} at {now_ms}, {span} ms later: we say {ours}, Zulip {:?}, thresholds {} {}: {body}",
                        case.said(),
                        person.reader_s,
                        person.server_s
                    );
                };
                *whys.entry(why).or_default() += 1;
            }
        }
    }
    let differ: u64 = whys.values().sum();
    println!("{judged} judged, {differ} differ: {whys:?}\n{said:?}");
    assert!(judged > 3_000_000, "{judged}");
    // Coverage: every generation gave every status, and every `Why` occurred.
    assert_eq!(
        (said.len(), whys.len()),
        (GENERATIONS.len() * Status::ALL.len(), 8),
        "{said:?} {whys:?}"
    );
}
