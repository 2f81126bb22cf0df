//! Every route and status, as a page sees it.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::http::{Method, StatusCode};
use serde_json::json;
use zulip_presence_gateway::{LastActive, StaticFiles};
use zulip_simulator::{Activity, ReportedTimestamps, Simulator};

use crate::streams::Stream;
use crate::test_gateway::{ADA, Options, PAGE, Reply, TestGateway, organisation};

fn batch(users: &str) -> String {
    let encoded: String = users.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/api/v1/realm/presence?users={encoded}")
}

/// What every reply of the API has, whatever it says.
#[track_caller]
fn has_api_headers(reply: &Reply) {
    assert!(reply.header("vary").to_lowercase().contains("origin"), "{reply:?}");
    assert_eq!(reply.header("access-control-allow-origin"), PAGE);
    assert_eq!(reply.header("access-control-allow-credentials"), "true");
    assert_eq!(reply.header("access-control-expose-headers"), "date,retry-after");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert!(!reply.headers.contains_key("etag") && !reply.headers.contains_key("age"), "{reply:?}");
}

#[track_caller]
fn is_problem(reply: &Reply, status: StatusCode, msg: &str) {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(reply.word("/result"), "error");
    assert_eq!(reply.word("/msg"), msg);
    assert_eq!(reply.header("content-type"), "application/json");
    has_api_headers(reply);
}

#[tokio::test]
async fn active_user_reply_has_all_fields_and_headers() {
    let gateway = TestGateway::new().await;
    let reply = gateway.get(ADA).await;
    assert_eq!(reply.status, StatusCode::OK);
    has_api_headers(&reply);
    assert_eq!(reply.word("/result"), "success");
    assert_eq!(reply.word("/presence/aggregated/status"), "active");
    assert_eq!(
        reply.number("/presence/active_timestamp"),
        reply.number("/presence/aggregated/timestamp")
    );
    assert_eq!(reply.number("/server_presence_offline_threshold_seconds"), 200.0);
    assert!((reply.number("/server_timestamp") - gateway.zulip.now()).abs() < 5.0);
    let cache = reply.header("cache-control");
    let max_age = cache.strip_prefix("public, max-age=").and_then(|rest| rest.split_once(','));
    let (max_age, rest) = max_age.expect("a public reply");
    assert!((1..=30).contains(&max_age.parse::<u64>().expect("seconds")), "{cache}");
    assert_eq!(rest, " stale-while-revalidate=10, stale-if-error=60");
}

/// The machine's clock is wrong, or a proxy's: `Expires` is by Zulip's.
#[tokio::test]
async fn expires_tells_the_time_of_zulip() {
    let zulip = organisation(4);
    zulip.advance(Duration::from_secs(300));
    let gateway = TestGateway::with(zulip, Options::default()).await;
    let stream = Stream::open(&gateway, "[12]").await;
    let batch = gateway.get("/api/v1/realm/presence?users=[12]").await;
    for headers in [&gateway.get(ADA).await.headers, &batch.headers, &stream.headers] {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let expires = httpdate::parse_http_date(header("expires").expect("Expires"));
        let cache = header("cache-control").expect("Cache-Control");
        let max_age = cache.split_once("max-age=").and_then(|(_, rest)| rest.split(',').next());
        let max_age_s: f64 = max_age.map_or(0.0, |seconds| seconds.parse().expect("seconds"));
        let expires = expires.expect("a date").duration_since(UNIX_EPOCH).expect("after 1970");
        let ahead_s = expires.as_secs_f64() - max_age_s - gateway.zulip.now();
        assert!((-5.0..=0.0).contains(&ahead_s), "{ahead_s} s, {headers:?}");
    }
}

/// The longer Zulip is not asked, the less a cache may add to it.
#[tokio::test]
async fn long_refresh_shortens_stale_while_revalidate() {
    for (refresh, stale) in [(10, 10), (30, 10), (45, 7)] {
        let gateway = TestGateway::with(
            organisation(4),
            Options { refresh: Duration::from_secs(refresh), ..Options::default() },
        )
        .await;
        for path in [ADA, "/api/v1/realm/presence?users=[12]", "/users/12/presence.svg"] {
            let cache = gateway.get(path).await.header("cache-control");
            assert!(
                format!("{cache},").contains(&format!("stale-while-revalidate={stale},")),
                "--refresh {refresh}: {path}: {cache}"
            );
        }
    }
}

#[tokio::test]
async fn email_matches_in_any_case_and_encoding() {
    let gateway = TestGateway::new().await;
    let by_id = gateway.get(ADA).await.json();
    for user in ["ada@example.com", "ADA%40example.com", "%20ada@example.com", "012"] {
        let reply = gateway.get(&format!("/api/v1/users/{user}/presence")).await;
        assert_eq!(reply.json()["presence"], by_id["presence"], "{user}");
    }
}

#[tokio::test]
async fn users_without_presence_get_zulips_errors() {
    let gateway = TestGateway::new().await;
    for (user, msg) in [
        ("999", "No such user"),
        ("nobody@example.com", "No such user"),
        ("44", "No such user"),
        ("2001", "Presence is not supported for bot users."),
        ("31", "No presence data for 31"),
        ("henrik@example.com", "No presence data for henrik@example.com"),
        ("x", "No such user"),
        ("..", "No such user"),
        ("%2e%2e", "No such user"),
        ("12%2Fpresence", "No such user"),
        ("%00", "No such user"),
        ("%ff", "No such user"),
        ("%3Cscript%3E", "No such user"),
        ("12%3Fx=1", "No such user"),
    ] {
        // Absent from the organisation-wide reply is offline until their own query is answered.
        let path = format!("/api/v1/users/{user}/presence");
        let reply = gateway.until(&path, |reply| reply.status != StatusCode::OK).await;
        is_problem(&reply, StatusCode::BAD_REQUEST, msg);
        assert!(
            reply.header("cache-control").starts_with("public, max-age="),
            "400s are kept for one refresh: {reply:?}"
        );
    }
    let permitted = gateway
        .until("/api/v1/users/38/presence", |reply| reply.text().contains("permission"))
        .await;
    is_problem(&permitted, StatusCode::BAD_REQUEST, "Insufficient permission");
    let long = gateway.get(&format!("/api/v1/users/{}/presence", "9".repeat(10_000))).await;
    is_problem(&long, StatusCode::BAD_REQUEST, "No such user");
    assert!(
        gateway
            .zulip
            .asked()
            .iter()
            .all(|path| !path.contains("..") && !path.contains("%2F") && !path.contains("script"))
    );
}

#[tokio::test]
async fn batch_has_exactly_the_requested_entries() {
    let gateway = TestGateway::new().await;
    // Absent from the organisation-wide reply is offline, until the query about 31 alone says that
    // there is no data.
    let users =
        r#"["12","ada@example.com","ADA@example.com",17,"23","31","2001","999","x y","44",12]"#;
    let reply =
        gateway.until(&batch(users), |reply| reply.json()["presences"]["31"] == json!({})).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    has_api_headers(&reply);
    let body = reply.json();
    let presences = body["presences"].as_object().expect("an object");
    let mut keys: Vec<_> = presences.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        ["12", "17", "2001", "23", "31", "44", "999", "ADA@example.com", "ada@example.com", "x y"]
    );
    assert_eq!(presences["12"], presences["ada@example.com"]);
    assert_eq!(presences["12"], presences["ADA@example.com"]);
    assert_eq!(presences["12"]["aggregated"]["status"], "active");
    assert_eq!(presences["17"]["aggregated"]["status"], "idle");
    assert_eq!(
        presences["23"]["aggregated"]["status"], "offline",
        "Zulip's own organisation-wide reply never says so"
    );
    for nobody in ["31", "2001", "999", "44", "x y"] {
        assert_eq!(presences[nobody], json!({}), "{nobody}");
    }
}

#[tokio::test]
async fn invalid_users_parameter_is_refused_with_reason() {
    let gateway = TestGateway::new().await;
    is_problem(
        &gateway.get("/api/v1/realm/presence").await,
        StatusCode::BAD_REQUEST,
        "Missing 'users' argument",
    );
    let many = format!("[{}]", (0..1_001).map(|id| id.to_string()).collect::<Vec<_>>().join(","));
    for users in ["12", "[]", "{}", "[[12]]", "[null]", "ada", many.as_str()] {
        let reply = gateway.get(&batch(users)).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{users}");
        assert!(
            reply.word("/msg").contains("expected a JSON list of user IDs and emails"),
            "{users}: {}",
            reply.text()
        );
        assert_eq!(reply.word("/code"), "BAD_REQUEST");
        has_api_headers(&reply);
    }
    assert_eq!(
        gateway.get(&batch(&many.replace(",1000]", "]"))).await.status,
        StatusCode::OK,
        "1,000 are allowed"
    );
}

/// A row per generation of the wire: what Zulip did not give is not there.
#[tokio::test]
async fn each_generation_keeps_its_own_fields() {
    for (generation, fields) in [
        (1, vec!["aggregated", "website"]),
        (2, vec!["aggregated", "website"]),
        (3, vec!["active_timestamp", "idle_timestamp"]),
        (4, vec!["active_timestamp", "aggregated", "idle_timestamp", "website"]),
    ] {
        let gateway = TestGateway::with(organisation(generation), Options::default()).await;
        for user in ["17", "23"] {
            let single = gateway.get(&format!("/api/v1/users/{user}/presence")).await.json();
            let mut names: Vec<_> = single["presence"]
                .as_object()
                .expect("an object")
                .keys()
                .map(String::as_str)
                .collect();
            names.sort_unstable();
            assert_eq!(names, fields, "generation {generation}");
            let batch = gateway.get(&batch(&format!("[{user}]"))).await.json();
            assert_eq!(batch["presences"][user], single["presence"], "generation {generation}");
        }
    }
}

/// Before Zulip 7 `aggregated` is the newest client's word: an idle phone must not hide the desktop
/// at which somebody works.
#[tokio::test]
async fn active_desktop_wins_over_idle_phone() {
    let zulip = Simulator::empty(1);
    let now = zulip.now() as i64;
    zulip.add(
        4,
        "dana@example.com",
        "Dana",
        Activity::Reported(ReportedTimestamps { active: Some(now - 50), idle: now - 2 }),
    );
    let gateway = TestGateway::with(zulip, Options::default()).await;
    assert_eq!(
        gateway.get("/api/v1/users/4/presence").await.word("/presence/aggregated/status"),
        "active"
    );
}

#[tokio::test]
async fn other_methods_get_405_and_other_paths_404() {
    let gateway = TestGateway::new().await;
    let head = gateway.send(Method::HEAD, ADA, &[("origin", PAGE)]).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    has_api_headers(&head);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        for path in [ADA, "/api/v1/realm/presence?users=[1]"] {
            let reply = gateway.send(method.clone(), path, &[("origin", PAGE)]).await;
            // The words are HTTP's: those of another crate, which no rename here reaches.
            let words = StatusCode::METHOD_NOT_ALLOWED.canonical_reason().expect("it has one");
            is_problem(&reply, StatusCode::METHOD_NOT_ALLOWED, words);
            assert_eq!(reply.header("allow"), "GET, HEAD, OPTIONS");
        }
        assert_eq!(gateway.send(method, "/", &[]).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    for path in ["/api/v1/messages", "/api/v1/users/12/presence/", "/api/v1/users"] {
        is_problem(&gateway.get(path).await, StatusCode::NOT_FOUND, "Not found");
    }
    assert_eq!(gateway.get("/nothing").await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        gateway.zulip.asked().iter().filter(|path| path.contains("messages")).count(),
        0,
        "it is no proxy"
    );
}

#[tokio::test]
async fn only_listed_origins_get_cors_headers() {
    async fn acao(origins: Vec<&'static str>, origin: Option<&str>) -> (String, String) {
        let gateway =
            TestGateway::with(organisation(4), Options { origins, ..Options::default() }).await;
        let headers: Vec<_> = origin.iter().map(|origin| ("origin", *origin)).collect();
        let mut seen = None;
        for path in [ADA, "/api/v1/users/999/presence", "/api/v1/realm/presence", "/api/nothing"] {
            let reply = gateway.send(Method::GET, path, &headers).await;
            assert!(reply.header("vary").to_lowercase().contains("origin"), "{path}");
            let found = (
                reply.header("access-control-allow-origin"),
                reply.header("access-control-allow-credentials"),
            );
            assert_eq!(*seen.get_or_insert_with(|| found.clone()), found, "{path}");
        }
        seen.expect("four replies")
    }
    let said = |origin: &str, credentials: &str| (origin.to_owned(), credentials.to_owned());
    assert_eq!(acao(vec![], Some(PAGE)).await, said("", ""));
    assert_eq!(acao(vec![PAGE], None).await, said("", ""));
    assert_eq!(acao(vec![PAGE], Some(PAGE)).await, said(PAGE, "true"));
    assert_eq!(acao(vec![PAGE], Some("https://wiki.example.com.evil.example")).await, said("", ""));
    assert_eq!(acao(vec![PAGE], Some("http://wiki.example.com")).await, said("", ""));
    assert_eq!(acao(vec!["*"], Some("https://any.example")).await, said("*", ""));
    assert_eq!(acao(vec!["*", PAGE], Some(PAGE)).await, said(PAGE, "true"));
    assert_eq!(acao(vec!["null"], Some("null")).await, said("null", ""));
}

#[tokio::test]
async fn preflight_allows_whatever_headers_a_page_asks_for() {
    let gateway = TestGateway::new().await;
    let wanted = "accept-language,traceparent,baggage,sentry-trace,x-datadog-origin";
    let ask = async |path: &str, origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", wanted),
        ];
        gateway.send(Method::OPTIONS, path, &headers).await
    };
    for path in [ADA, "/api/v1/realm/presence", "/users/12/presence.svg", "/zulip-presence.js"] {
        let reply = ask(path, PAGE).await;
        assert_eq!(reply.status, StatusCode::NO_CONTENT, "{path}");
        assert_eq!(reply.header("access-control-allow-methods"), "GET,HEAD,OPTIONS", "{path}");
        assert_eq!(reply.header("access-control-allow-headers"), wanted, "{path}");
        assert_eq!(reply.header("access-control-max-age"), "86400", "{path}");
        assert_eq!(reply.header("allow"), "GET, HEAD, OPTIONS", "{path}");
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        let is_file = path.ends_with(".js");
        let allowed = if is_file { "*" } else { PAGE };
        assert_eq!(reply.header("access-control-allow-origin"), allowed, "{path}");
        if !is_file {
            assert_eq!(reply.header("vary"), "origin", "{path}");
            let stranger = ask(path, "https://other.example").await;
            assert_eq!(stranger.header("access-control-allow-origin"), "", "{path}");
        }
    }
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(ask(path, PAGE).await.header("access-control-allow-origin"), "", "{path}");
    }
    assert_eq!(gateway.asked("realm/presence"), 0);
}

/// An organisation that has presence disabled: nobody is offline for that, by ID or email, in any form.
#[tokio::test]
async fn disabled_presence_is_unknown() {
    let zulip = organisation(4);
    let options = Options { refresh: Duration::from_millis(200), ..Options::default() };
    let gateway = TestGateway::with(zulip, options).await;
    let realm = batch("[12,17,\"chiamaka@example.com\",31]");
    let is_known = |reply: &Reply| reply.json()["presences"]["12"] != serde_json::json!({});
    gateway.until(&realm, is_known).await;
    gateway.zulip.set_presence_disabled(true);
    gateway.until(&realm, |reply| !is_known(reply)).await;
    let nobody = serde_json::json!({"12": {}, "17": {}, "chiamaka@example.com": {}, "31": {}});
    for path in [realm.clone(), format!("{realm}&slim_presence=true")] {
        assert_eq!(gateway.get(&path).await.json()["presences"], nobody, "{path}");
    }
    for user in ["12", "17", "ada@example.com", "38"] {
        let reply = gateway.get(&format!("/api/v1/users/{user}/presence")).await;
        is_problem(&reply, StatusCode::BAD_REQUEST, &format!("No presence data for {user}"));
        let picture = gateway.get(&format!("/users/{user}/presence.svg")).await;
        assert!(picture.text().contains("<title>Activity unknown</title>"), "{user}");
    }
    gateway.zulip.set_presence_disabled(false);
    gateway.until(&realm, is_known).await;
    assert_eq!(gateway.get(ADA).await.word("/presence/aggregated/status"), "active");
}

#[tokio::test]
async fn metrics_count_and_time_each_route() {
    let gateway = TestGateway::new().await;
    for path in [ADA, "/api/v1/server_settings", "/api/v1/messages", "/nothing", "/healthz"] {
        gateway.get(path).await;
    }
    let reply = gateway.get("/metrics").await;
    assert!(reply.header("content-type").starts_with("application/openmetrics-text"));
    let text = reply.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    for (route, status) in [
        ("/api/v1/users/{user}/presence", 200),
        ("/api/v1/server_settings", 200),
        ("/api/{*rest}", 404),
        ("files", 404),
        ("/healthz", 200),
    ] {
        for line in [
            format!("zulip_presence_requests_total{{route=\"{route}\",status=\"{status}\"}} 1\n"),
            format!("zulip_presence_request_duration_seconds_count{{route=\"{route}\"}} 1\n"),
        ] {
            assert!(text.contains(&line), "{line} in {text}");
        }
    }
}

#[tokio::test]
async fn batches_are_compressed_when_accepted() {
    let gateway = TestGateway::new().await;
    let path = batch("[12,17,23]");
    let plain = gateway.get(&path).await;
    let packed =
        gateway.send(Method::GET, &path, &[("origin", PAGE), ("accept-encoding", "br")]).await;
    assert_eq!(packed.header("content-encoding"), "br");
    assert!(packed.body.len() < plain.body.len());
    assert!(packed.header("vary").to_lowercase().contains("accept-encoding"));
}

#[tokio::test]
async fn svg_shows_the_status() {
    let gateway = TestGateway::new().await;
    for (user, title) in [
        ("12", "Active"),
        ("17", "Idle"),
        ("23", "Offline"),
        ("31", "Activity unknown"),
        ("999", "Activity unknown"),
    ] {
        let path = format!("/users/{user}/presence.svg?size=32");
        let named = |reply: &Reply| reply.text().contains(&format!("<title>{title}</title>"));
        // Absent from the organisation-wide reply is offline until their own query is answered.
        let reply = gateway.until(&path, named).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(reply.header("content-type"), "image/svg+xml");
        assert!(reply.header("cache-control").starts_with("public, max-age="), "{reply:?}");
        assert!(reply.header("content-security-policy").contains("default-src 'none'"));
        let svg = reply.text();
        assert!(
            svg.contains(&format!("<title>{title}</title>")) && svg.contains(r#"width="32""#),
            "{svg}"
        );
    }
    let light = gateway.get("/users/ada@example.com/presence.svg?scheme=light").await.text();
    let dark = gateway.get("/users/ada@example.com/presence.svg?scheme=dark").await.text();
    assert_ne!(light, dark);
    is_problem(
        &gateway.get("/users/12/presence.svg?size=0").await,
        StatusCode::BAD_REQUEST,
        "size must be a number of pixels from 1 to 512, once",
    );
}

#[tokio::test]
async fn health_readiness_and_metrics_reflect_the_state() {
    let gateway = TestGateway::new().await;
    assert_eq!(gateway.get("/healthz").await.status, StatusCode::OK);
    gateway.get(ADA).await;
    gateway.get("/api/v1/users/999/presence").await;
    assert_eq!(gateway.get("/readyz").await.status, StatusCode::OK);
    let metrics = gateway.get("/metrics").await.text();
    for line in [
        r#"zulip_presence_requests_total{route="/api/v1/users/{user}/presence",status="200"} 1"#,
        r#"zulip_presence_requests_total{route="/api/v1/users/{user}/presence",status="400"} 1"#,
        r#"zulip_presence_upstream_requests_total{kind="realm_presence",outcome="ok"} 1"#,
        r#"zulip_presence_upstream_requests_total{kind="users",outcome="ok"} 1"#,
        "zulip_presence_watched_users 1",
        "zulip_presence_upstream_up 1",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
}

#[tokio::test]
async fn files_have_cross_origin_headers() {
    let directory = std::env::temp_dir().join(format!("dist-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    std::fs::write(directory.join("index.html"), "<!doctype html>").expect("a file");
    std::fs::write(directory.join("zulip-presence.js"), "js").expect("a file");
    let files = StaticFiles::read(&directory).expect("readable");
    std::fs::remove_dir_all(&directory).expect("ours");
    let gateway = TestGateway::with(organisation(4), Options { files, ..Options::default() }).await;
    let page = gateway.get("/").await;
    assert_eq!((page.status, page.text().as_str()), (StatusCode::OK, "<!doctype html>"));
    let script = gateway.get("/zulip-presence.js").await;
    assert_eq!(script.header("access-control-allow-origin"), "*");
    assert_eq!(script.header("cross-origin-resource-policy"), "cross-origin");
    assert_eq!(script.header("cache-control"), "public, max-age=300, must-revalidate");
    let etag = script.header("etag");
    assert_eq!(
        gateway.send(Method::GET, "/zulip-presence.js", &[("if-none-match", &etag)]).await.status,
        StatusCode::NOT_MODIFIED
    );
    let missing = gateway.get("/../../etc/passwd").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.body.len() < 100);
    // Of another version: a replica, or the next upgrade, may have it.
    let gone = gateway.get("/zulip-presence-widget-0123456789abcdef.js").await;
    assert_eq!(
        (gone.status, gone.header("cache-control").as_str()),
        (StatusCode::NOT_FOUND, "no-store")
    );
    assert_eq!(gone.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn hidden_last_active_removes_times_of_offline_users() {
    for generation in 1..=4 {
        let gateway = TestGateway::with(
            organisation(generation),
            Options { last_active: LastActive::Hide, ..Options::default() },
        )
        .await;
        let reply = gateway.get(&batch("[12,17,23]")).await.json();
        assert_eq!(
            reply["presences"]["23"],
            json!({"aggregated": {"status": "offline"}}),
            "generation {generation}"
        );
        for there in ["12", "17"] {
            assert!(
                reply["presences"][there].to_string().contains("timestamp"),
                "generation {generation}: {reply}"
            );
        }
    }
}

#[tokio::test]
async fn only_allow_listed_users_are_served() {
    let path = std::env::temp_dir().join(format!("people-{}", std::process::id()));
    std::fs::write(&path, "12 # Ada\n17\n!tomasz@example.com\n2001\n").expect("a file");
    let gateway = TestGateway::with(
        organisation(4),
        Options { people: Some(path.clone()), ..Options::default() },
    )
    .await;
    let unknown = gateway.get("/api/v1/users/999/presence").await;
    for hidden in ["17", "23", "tomasz@example.com", "chiamaka@example.com"] {
        let reply = gateway.get(&format!("/api/v1/users/{hidden}/presence")).await;
        assert_eq!(
            (reply.status, reply.text(), reply.header("cache-control")),
            (unknown.status, unknown.text(), unknown.header("cache-control"))
        );
    }
    assert_eq!(gateway.polled(), ["users"], "neither a request for presence nor a new directory");
    assert_eq!(gateway.get(ADA).await.status, StatusCode::OK);
    std::fs::write(&path, "17\n23\n").expect("ours");
    gateway.until("/api/v1/users/23/presence", |reply| reply.status == StatusCode::OK).await;
    is_problem(&gateway.get(ADA).await, StatusCode::BAD_REQUEST, "No such user");
    std::fs::write(&path, "not a person\n").expect("ours");
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(
        gateway.get("/api/v1/users/23/presence").await.status,
        StatusCode::OK,
        "a broken file changes nothing"
    );
    std::fs::remove_file(&path).expect("ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_first_requests_make_one_zulip_request() {
    let gateway = Arc::new(TestGateway::new().await);
    let mut requests = tokio::task::JoinSet::new();
    for place in 0..1000 {
        let gateway = Arc::clone(&gateway);
        let path = [ADA, "/api/v1/users/17/presence", "/api/v1/users/tomasz@example.com/presence"]
            [place % 3];
        requests.spawn(async move { gateway.get(path).await.status });
    }
    while let Some(status) = requests.join_next().await {
        assert_eq!(status.expect("no panic"), StatusCode::OK);
    }
    assert_eq!(gateway.polled(), ["users", "realm/presence"]);
}

#[tokio::test]
async fn unknown_users_cost_no_requests_and_no_memory() {
    let gateway = TestGateway::new().await;
    gateway.get("/api/v1/users/1/presence").await;
    let before = resident_bytes();
    for id in 1_000_000..1_010_000 {
        let reply = gateway.get(&format!("/api/v1/users/{id}/presence")).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    }
    for hundreds in 0..450 {
        let users: Vec<_> =
            (0..200).map(|place| format!("\"u{}@x.example\"", hundreds * 200 + place)).collect();
        let path =
            format!("/api/v1/realm/presence?users=[{}]", users.join(",").replace('"', "%22"));
        assert_eq!(gateway.get(&path).await.status, StatusCode::OK);
    }
    assert_eq!(gateway.polled(), ["users"], "100,000 invented users");
    assert!(gateway.get("/metrics").await.text().contains("zulip_presence_watched_users 0"));
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more");
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("pages") * 4096
}
