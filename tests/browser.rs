//! The Yew components in a real browser, against a network that each test speaks for.
#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::Element;
use yew::prelude::*;
use zulip_presence_widget::{Driver, Label, PresenceBadge, PresenceProvider, Settings, Status, UserRef, View};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen(module = "/tests/browser/network.js")]
extern "C" {
    fn answer(endpoint: &str, ages: &str);
    fn requests(endpoint: &str) -> Vec<String>;
    fn online();
    fn console_lines() -> Vec<String>;
}

/// Hears views, and lets a test wait for one.
#[derive(Clone, Default)]
struct Views(Rc<RefCell<Heard>>);

#[derive(Default)]
struct Heard {
    views: Vec<View>,
    waiting: Option<js_sys::Function>,
}

impl PartialEq for Views {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Views {
    fn hear(&self, view: View) {
        let mut heard = self.0.borrow_mut();
        heard.views.push(view);
        if let Some(waiting) = heard.waiting.take() {
            waiting.call0(&JsValue::NULL).expect("a promise's resolver");
        }
    }

    fn last(&self) -> Option<Status> {
        self.0.borrow().views.last().map(|view| view.status)
    }

    /// Waits until `status` is heard, and the page shows it.
    async fn until(&self, status: Status) {
        while self.last() != Some(status) {
            let next = js_sys::Promise::new(&mut |resolve, _| self.0.borrow_mut().waiting = Some(resolve));
            JsFuture::from(next).await.expect("it only resolves");
        }
        yew::scheduler::flush().await;
    }
}

#[derive(Properties, PartialEq)]
struct TeamProps {
    endpoint: AttrValue,
    users: Vec<AttrValue>,
    #[prop_or_default]
    name: AttrValue,
    #[prop_or_default]
    label: Label,
    views: Views,
}

#[component]
fn Team(props: &TeamProps) -> Html {
    let on_view = {
        let views = props.views.clone();
        Callback::from(move |view| views.hear(view))
    };
    let badge = |user: &AttrValue| {
        html! { <PresenceBadge user={user} name={&props.name} label={props.label} on_view={on_view.clone()}>{ "Ada" }</PresenceBadge> }
    };
    html! {
        <PresenceProvider endpoint={[&*props.endpoint, "/api/v1"].concat()}>{ for props.users.iter().map(badge) }</PresenceProvider>
    }
}

/// A mounted team.
struct Page {
    root: Element,
    app: Option<yew::AppHandle<Team>>,
    views: Views,
}

impl Page {
    fn new(endpoint: &'static str, users: &[&str]) -> Self {
        let document = gloo_document();
        let root = document.create_element("div").expect("a div");
        document.body().expect("a body").append_child(&root).expect("appended");
        let views = Views::default();
        let app = yew::Renderer::<Team>::with_root_and_props(root.clone(), props(endpoint, users, &views)).render();
        Self { root, app: Some(app), views }
    }

    fn update(&mut self, props: TeamProps) {
        self.app.as_mut().expect("mounted").update(props);
    }

    fn find(&self, selector: &str) -> Element {
        self.root.query_selector(selector).expect("a selector").unwrap_or_else(|| panic!("no {selector}"))
    }

    /// What the first badge shows: its class, its drawing and its accessible name.
    fn shows(&self, status: Status, name: &str) {
        let svg = self.find("svg");
        assert_eq!(svg.get_attribute("class").as_deref(), Some(status.as_str()));
        assert_eq!(svg.get_attribute("aria-label").as_deref(), Some(name));
        assert_eq!(self.find("path").get_attribute("d").as_deref(), Some(status.shape()));
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            app.destroy();
        }
        self.root.remove();
    }
}

fn props(endpoint: &'static str, users: &[&str], views: &Views) -> TeamProps {
    let users = users.iter().map(|user| AttrValue::from((*user).to_owned())).collect();
    TeamProps { endpoint: endpoint.into(), users, name: AttrValue::default(), label: Label::None, views: views.clone() }
}

fn gloo_document() -> web_sys::Document {
    web_sys::window().and_then(|window| window.document()).expect("a document")
}

fn user(written: &str) -> UserRef {
    written.parse().expect("a user")
}

#[wasm_bindgen_test]
async fn a_badge_is_unknown_before_it_is_told() {
    answer("/mount", r#"{"12": [5, 5]}"#);
    let page = Page::new("/mount", &["12"]);
    yew::scheduler::flush().await;
    page.shows(Status::Unknown, "Status unknown");
    assert_eq!(page.root.text_content().as_deref(), Some("Ada"));
    page.views.until(Status::Active).await;
    page.shows(Status::Active, "Active now");
    assert_eq!(requests("/mount"), ["/mount/api/v1/realm/presence?users=%5B%2212%22%5D"]);
}

#[wasm_bindgen_test]
async fn each_status_is_shown() {
    for (endpoint, ages, status, name) in [
        ("/active", r#"{"12": [5, 5]}"#, Status::Active, "Ada Lovelace: active now"),
        ("/idle", r#"{"12": [900, 5]}"#, Status::Idle, "Ada Lovelace: idle"),
        ("/offline", r#"{"12": [900, 900]}"#, Status::Offline, "Ada Lovelace: offline"),
    ] {
        answer(endpoint, ages);
        let mut page = Page::new(endpoint, &["12"]);
        let named = TeamProps { name: "Ada Lovelace".into(), label: Label::Status, ..props(endpoint, &["12"], &page.views) };
        page.update(named);
        page.views.until(status).await;
        page.shows(status, name);
        assert!(!page.find("[part=label]").text_content().unwrap_or_default().is_empty());
    }
}

#[wasm_bindgen_test]
async fn last_active_is_told_in_words() {
    answer("/words", r#"{"12": [18000, 18000]}"#);
    let mut page = Page::new("/words", &["12"]);
    let label = TeamProps { label: Label::LastActive, ..props("/words", &["12"], &page.views) };
    page.update(label);
    page.views.until(Status::Offline).await;
    let text = page.find("[part=label]").text_content();
    assert_eq!(text.as_deref(), Some("Active 5 hours ago"));
}

#[wasm_bindgen_test]
async fn two_badges_of_one_person_are_one_request() {
    answer("/twice", r#"{"12": [5, 5]}"#);
    let page = Page::new("/twice", &["12", "012", "12"]);
    page.views.until(Status::Active).await;
    assert_eq!(requests("/twice"), ["/twice/api/v1/realm/presence?users=%5B%2212%22%5D"]);
    assert_eq!(page.root.query_selector_all("svg.active").expect("a selector").length(), 3);
}

#[wasm_bindgen_test]
async fn another_user_takes_the_badge_over() {
    answer("/change", r#"{"12": [5, 5], "13": [900, 5]}"#);
    let mut page = Page::new("/change", &["12"]);
    page.views.until(Status::Active).await;
    let other = props("/change", &["13"], &page.views);
    page.update(other);
    yew::scheduler::flush().await;
    page.shows(Status::Unknown, "Status unknown");
    page.views.until(Status::Idle).await;
    page.shows(Status::Idle, "Idle");
    let last = requests("/change").pop();
    assert_eq!(last.as_deref(), Some("/change/api/v1/realm/presence?users=%5B%2213%22%5D"), "the first one is asked about no more");
}

#[wasm_bindgen_test]
async fn an_unmounted_badge_hears_nothing_more() {
    answer("/unmount", r#"{"12": [199.6, 199.6]}"#);
    let mut page = Page::new("/unmount", &["12"]);
    page.views.until(Status::Active).await;
    let driver = Driver::new(&Settings::gateway("/unmount/api/v1").expect("an endpoint"));
    let elsewhere = Views::default();
    let heard_elsewhere = elsewhere.clone();
    let watch = driver.watch(&user("12"), Rc::new(move |view| heard_elsewhere.hear(view)));
    page.app.take().expect("mounted").destroy();
    yew::scheduler::flush().await;
    assert_eq!(page.root.child_element_count(), 0);
    let heard = page.views.0.borrow().views.len();
    // The one driver of the page lives on for whoever else watches, and the answer with it.
    assert_eq!(watch.view().status, Status::Active);
    elsewhere.until(Status::Offline).await;
    assert_eq!(page.views.0.borrow().views.len(), heard);
}

#[wasm_bindgen_test]
async fn a_claim_ages_out_without_a_poll() {
    answer("/age", r#"{"12": [199.5, 199.5]}"#);
    let page = Page::new("/age", &["12"]);
    page.views.until(Status::Active).await;
    page.views.until(Status::Offline).await;
    page.shows(Status::Offline, "Offline");
    assert_eq!(requests("/age").len(), 1);
}

#[wasm_bindgen_test]
async fn a_failure_leaves_the_badge_unknown_until_the_network_is_back() {
    answer("/down", "null");
    console_lines();
    let page = Page::new("/down", &["12"]);
    let driver = Driver::new(&Settings::gateway("/down/api/v1").expect("an endpoint"));
    while requests("/down").is_empty() {
        yew::scheduler::flush().await;
        next_task().await;
    }
    while console_lines_about("/down") == 0 {
        next_task().await;
    }
    assert_eq!(driver.view(&user("12")).status, Status::Unknown);
    page.shows(Status::Unknown, "Status unknown");
    answer("/down", r#"{"12": [5, 5]}"#);
    online();
    page.views.until(Status::Active).await;
    assert_eq!(requests("/down").len(), 2);
}

#[wasm_bindgen_test]
async fn nobody_is_asked_about_who_is_no_user() {
    answer("/absurd", "{}");
    let long = "9".repeat(10_000);
    let absurd = ["", " ", "..", "../..", "12/presence", "a@b@c", "<script>alert(1)</script>", "12?x#y%2e", &long];
    let page = Page::new("/absurd", &absurd);
    yew::scheduler::flush().await;
    next_task().await;
    assert_eq!(page.root.query_selector_all("svg.unknown").expect("a selector").length(), 9);
    assert!(page.root.query_selector("script").expect("a selector").is_none());
    assert_eq!(requests("/absurd"), [""; 0]);
}

#[wasm_bindgen_test]
async fn an_endpoint_that_is_no_url_is_told_once_and_asks_nobody() {
    console_lines();
    for endpoint in ["http://[", "javascript:alert(1)//", "ftp://example.com"] {
        let page = Page::new(endpoint, &["12", "13"]);
        yew::scheduler::flush().await;
        page.shows(Status::Unknown, "Status unknown");
        assert!(Settings::gateway(&[endpoint, "/api/v1"].concat()).is_err(), "{endpoint}");
    }
    assert_eq!(console_lines_about("endpoint must be"), 1);
}

#[wasm_bindgen_test]
fn settings_of_the_script_tag() {
    let read = |pairs: &[(&str, &str)]| {
        let attribute = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Settings::from_script(&attribute, "https://here.example/api/v1")
    };
    let same = |a: &[(&str, &str)], b: &[(&str, &str)]| assert!(read(a).is_some() && read(a) == read(b), "{a:?} {b:?}");
    same(&[], &[("endpoint", "https://here.example/api/v1/")]);
    same(&[("interval", "60")], &[]);
    for bad in ["0", "14", "61", "abc", "-15", "1e1", "NaN"] {
        same(&[("interval", bad)], &[]);
    }
    for bad in ["0", "59", "3601", "abc"] {
        same(&[("offlineAfter", bad)], &[]);
    }
    same(&[("credentials", "everything")], &[("credentials", "same-origin")]);
    for (name, value) in
        [("interval", "15"), ("offlineAfter", "140"), ("credentials", "omit"), ("endpoint", "https://other.example/api/v1")]
    {
        assert!(read(&[(name, value)]) != read(&[]), "{name}={value} changes nothing");
    }
    for nobody in [
        &[("endpoint", "ftp://here.example/api/v1")][..],
        &[("email", "bot@x")],
        &[("apiKey", "secret")],
        &[("email", "bot@x"), ("apiKey", "secret")],
    ] {
        assert!(read(nobody).is_none(), "{nobody:?}");
    }
    assert!(read(&[("email", "bot@x"), ("apiKey", "secret"), ("endpoint", "https://zulip.example/api/v1")]).is_some());
}

/// How many console lines since the last look name `what`.
fn console_lines_about(what: &str) -> usize {
    console_lines().iter().filter(|line| line.contains(what)).count()
}

/// Lets the browser run what is due.
async fn next_task() {
    let next = js_sys::Promise::new(&mut |resolve, _| {
        let window = web_sys::window().expect("a window");
        window.request_animation_frame(&resolve).expect("a frame");
    });
    JsFuture::from(next).await.expect("it only resolves");
}
