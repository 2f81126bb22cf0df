//! The components in a real browser, with clocks, timers and network that the test controls.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may say what it expects")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Element, HtmlIFrameElement};
use yew::prelude::*;
use zulip_presence_widget::__private::{Badge, BadgeProps, Handover};
use zulip_presence_widget::{
    Cause, Label, PresenceBadge, PresenceBadgeProps, PresenceClient, PresenceNow, PresenceProvider,
    Settings, Status, UserRef, use_presence,
};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen(module = "/tests/fake_page.js")]
extern "C" {
    fn install();
    fn uninstall();
    fn advance(ms: f64) -> Promise;
    fn settled() -> Promise;
    fn set_presence(user: &str, active_ago_s: Option<f64>, idle_ago_s: Option<f64>);
    fn set_outage(kind: &str);
    fn set_zulip(is_zulip: bool);
    fn set_live(is_live: bool);
    fn stream_count() -> usize;
    fn send_by_streams() -> Promise;
    fn set_visibility(state: &str);
    fn request_count() -> usize;
    fn last_request() -> String;
    fn last_aborted() -> bool;
    fn timer_count() -> usize;
    fn listener_count() -> usize;
    fn warning_lines() -> Array;
    fn asked(count: usize) -> Promise;
    fn appears(root: &Element, selector: &str) -> Promise;
    fn frames() -> Promise;
    fn iframe() -> HtmlIFrameElement;
}

const ENDPOINT: &str = "https://presence.example.com/api/v1";
const MINUTE: f64 = 60_000.0;

/// A page with its own clocks and a place for components, until dropped.
struct Page {
    root: Element,
}

impl Page {
    fn new() -> Self {
        install();
        set_presence("1", Some(20.0), Some(5.0));
        set_presence("2", Some(1_800.0), Some(5.0));
        set_presence("3", Some(7_200.0), Some(3_600.0));
        let document = web_sys::window().unwrap().document().unwrap();
        let root = document.create_element("main").unwrap();
        // First in the body, so that it is on screen: the list of tests follows.
        document.body().unwrap().prepend_with_node_1(&root).unwrap();
        Self { root }
    }

    async fn see(&self, selector: &str) {
        wait(appears(&self.root, selector)).await;
    }

    fn all(&self, selector: &str) -> Vec<Element> {
        let found = self.root.query_selector_all(selector).unwrap();
        (0..found.length())
            .map(|at| wasm_bindgen::JsCast::unchecked_into(found.get(at).unwrap()))
            .collect()
    }

    fn names(&self) -> Vec<String> {
        self.all("svg").iter().map(|svg| svg.get_attribute("aria-label").unwrap()).collect()
    }

    fn label(&self) -> String {
        self.all("[part=label]").first().and_then(|label| label.text_content()).unwrap_or_default()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.root.remove();
        uninstall();
    }
}

async fn wait(promise: Promise) {
    JsFuture::from(promise).await.unwrap();
}

/// Lets `ms` pass, and waits for everything that follows from it.
async fn pass(ms: f64) {
    wait(advance(ms)).await;
    yew::scheduler::flush().await;
}

/// Waits for everything that happens without time passing.
async fn settle() {
    wait(settled()).await;
    yew::scheduler::flush().await;
}

#[derive(Properties, PartialEq)]
struct TeamProps {
    users: Vec<&'static str>,
    #[prop_or_default]
    details: bool,
    #[prop_or_default]
    label: Label,
    #[prop_or(ENDPOINT)]
    endpoint: &'static str,
}

/// A Yew app with a badge for each of some people.
#[component]
fn Team(props: &TeamProps) -> Html {
    let badge = |user: &&'static str| html! { <PresenceBadge user={*user} name="Ada" label={props.label} details={props.details}>{ "Ada Lovelace" }</PresenceBadge> };
    html! { <PresenceProvider endpoint={props.endpoint}>{ for props.users.iter().map(badge) }</PresenceProvider> }
}

fn mount(page: &Page, users: &[&'static str]) -> yew::AppHandle<Team> {
    mount_labelled(page, users, Label::None)
}

fn mount_labelled(page: &Page, users: &[&'static str], label: Label) -> yew::AppHandle<Team> {
    let props = TeamProps { users: users.to_vec(), details: false, label, endpoint: ENDPOINT };
    yew::Renderer::<Team>::with_root_and_props(page.root.clone(), props).render()
}

async fn unmount(app: yew::AppHandle<Team>) {
    app.destroy();
    settle().await;
}

#[wasm_bindgen_test]
async fn every_status_has_its_drawing_and_its_name() {
    let page = Page::new();
    let app = mount(&page, &["1", "2", "3", "4"]);
    page.see("svg[data-status=active]").await;
    settle().await;
    assert_eq!(
        page.names(),
        ["Ada: active now", "Ada: idle", "Ada: offline", "Ada: status unknown"]
    );
    for (svg, status) in page.all("svg").iter().zip(Status::ALL) {
        assert_eq!(svg.get_attribute("data-status").as_deref(), Some(status.as_str()));
        assert_eq!(
            svg.first_element_child().unwrap().get_attribute("d").as_deref(),
            Some(status.svg_path())
        );
        assert_eq!(svg.namespace_uri().as_deref(), Some("http://www.w3.org/2000/svg"));
    }
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn before_the_first_reply_everybody_is_unknown() {
    let page = Page::new();
    set_outage("silent");
    let app = mount_labelled(&page, &["1"], Label::LastActive);
    wait(asked(1)).await;
    settle().await;
    assert_eq!(page.names(), ["Ada: status unknown"]);
    assert_eq!(page.label(), "");
    unmount(app).await;
    assert!(last_aborted());
}

#[wasm_bindgen_test]
async fn many_badges_are_one_request_without_headers() {
    let page = Page::new();
    let app = mount(&page, &["1", "2", "1", "01"]);
    page.see("svg[data-status=active]").await;
    settle().await;
    assert_eq!(page.all("svg[data-status=active]").len(), 3);
    assert_eq!(request_count(), 1);
    assert_eq!(
        last_request(),
        format!("{ENDPOINT}/realm/presence?users=%5B1%2C2%5D&slim_presence=true same-origin")
    );
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn another_user_is_another_person() {
    let page = Page::new();
    let mut app = mount(&page, &["1"]);
    page.see("svg[data-status=active]").await;
    let svg = page.all("svg").remove(0);
    set_outage("silent");
    app.update(TeamProps {
        users: vec!["2"],
        details: false,
        label: Label::None,
        endpoint: ENDPOINT,
    });
    settle().await;
    assert_eq!(
        page.names(),
        ["Ada: status unknown"],
        "nothing is said of a person before it is heard of them"
    );
    set_outage("");
    pass(30_000.0).await;
    assert_eq!(page.names(), ["Ada: idle"]);
    assert!(svg.is_same_node(Some(&page.all("svg")[0])), "the badge stays in place");
    unmount(app).await;
}

/// Yew applies new props before messages that were sent earlier.
#[wasm_bindgen_test]
async fn news_of_the_former_person_is_not_shown_as_the_present_ones() {
    let page = Page::new();
    let client = PresenceClient::new(&Settings::gateway(ENDPOINT).unwrap());
    let props = {
        let client = client.clone();
        move |user: &str| BadgeProps {
            client: Some(client.clone()),
            user: user.parse().ok(),
            subscription: Handover::default(),
            name: AttrValue::default(),
            label: Label::None,
            details: false,
            is_visible: true,
            lang: AttrValue::default(),
            on_view: Callback::noop(),
        }
    };
    let badge = yew::Renderer::<Badge>::with_root_and_props(page.root.clone(), props("1")).render();
    let badge = Rc::new(RefCell::new(Some(badge)));
    let second = client.subscribe(&UserRef::Id(2), Rc::new(|_, _| {}));
    second.set_visible(true);
    settle().await;
    page.see("[data-status=active]").await;
    let first = {
        let badge = badge.clone();
        let follow = move |_, cause| {
            if let (Cause::Change, Some(badge)) = (cause, &mut *badge.borrow_mut()) {
                badge.update(props("2"));
            }
        };
        client.subscribe(&UserRef::Id(1), Rc::new(follow))
    };
    set_presence("1", Some(7_200.0), Some(3_600.0));
    pass(MINUTE).await;
    assert_eq!(page.all("[data-status=idle]").len(), 1, "{}", page.root.inner_html());
    drop((first, second));
    badge.take().unwrap().destroy();
    settle().await;
}

#[wasm_bindgen_test]
async fn unmounting_frees_everything() {
    let page = Page::new();
    let app = mount(&page, &["1", "2"]);
    page.see("svg[data-status=active]").await;
    assert_eq!(timer_count(), 1, "one timer, however many badges");
    unmount(app).await;
    assert_eq!(page.root.inner_html(), "");
    assert_eq!(timer_count(), 0);
    pass(10.0 * MINUTE).await;
    assert_eq!(request_count(), 1);
}

#[wasm_bindgen_test]
async fn who_else_watches_hears_on_after_an_unmount() {
    let page = Page::new();
    set_presence("1", Some(190.0), Some(190.0));
    let app = mount(&page, &["1"]);
    page.see("svg[data-status=active]").await;
    let heard = Rc::new(Cell::new(Status::Unknown));
    let client = PresenceClient::new(&Settings::gateway(ENDPOINT).unwrap());
    let subscription = client.subscribe(&UserRef::Id(1), {
        let heard = heard.clone();
        Rc::new(move |presence: PresenceNow, _| heard.set(presence.view.status))
    });
    unmount(app).await;
    assert_eq!(subscription.view().status, Status::Active);
    pass(11_000.0).await;
    assert_eq!(heard.get(), Status::Offline);
}

#[wasm_bindgen_test]
async fn the_networks_return_ends_the_wait() {
    let page = Page::new();
    set_outage("down");
    let app = mount(&page, &["1"]);
    wait(asked(1)).await;
    settle().await;
    let lines: Vec<_> = warning_lines().iter().filter_map(|line| line.as_string()).collect();
    assert!(
        lines.iter().all(|line| line.contains("--allow-origin") && line.contains("connect-src")),
        "{lines:?}"
    );
    set_outage("");
    web_sys::window().unwrap().dispatch_event(&web_sys::Event::new("online").unwrap()).unwrap();
    settle().await;
    assert_eq!(page.names(), ["Ada: active now"]);
    assert_eq!(request_count(), 2);
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn providers_of_one_endpoint_share_a_client() {
    let page = Page::new();
    let settings = Settings::gateway(ENDPOINT).unwrap();
    let client = PresenceClient::new(&settings);
    assert!(client == PresenceClient::new(&Settings::gateway(&format!("{ENDPOINT}/")).unwrap()));
    assert!(
        client
            != PresenceClient::new(
                &settings.with_endpoint("https://other.example.com/api/v1").unwrap()
            )
    );
    drop(page);
}

#[wasm_bindgen_test]
async fn a_failure_leads_to_unknown_and_back() {
    let page = Page::new();
    let app = mount(&page, &["1", "3"]);
    page.see("svg[data-status=active]").await;
    for kind in ["down", "500", "404", "primitive", "throw"] {
        set_outage(kind);
        pass(MINUTE).await;
        assert_eq!(
            page.names(),
            ["Ada: active now", "Ada: offline"],
            "{kind}: an outage of a minute changes nothing"
        );
        pass(4.0 * MINUTE).await;
        assert_eq!(page.names(), ["Ada: status unknown", "Ada: status unknown"], "{kind}");
        set_outage("");
        set_presence("1", Some(20.0), Some(5.0));
        pass(5.0 * MINUTE).await;
        set_presence("1", Some(20.0), Some(5.0));
        pass(1.2 * MINUTE).await;
        assert_eq!(page.names(), ["Ada: active now", "Ada: offline"], "{kind} is over");
    }
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn a_request_without_reply_is_given_up() {
    let page = Page::new();
    set_outage("silent");
    let app = mount(&page, &["1"]);
    wait(asked(1)).await;
    assert!(!last_aborted());
    pass(10_001.0).await;
    assert!(last_aborted());
    set_outage("");
    pass(20_000.0).await;
    assert_eq!(page.names(), ["Ada: active now"]);
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn people_age_out_without_a_poll() {
    let page = Page::new();
    set_presence("1", Some(190.0), Some(195.0));
    set_presence("2", Some(195.0), Some(20.0));
    let app = mount(&page, &["1", "2"]);
    page.see("svg[data-status=active]").await;
    pass(10_000.0).await;
    assert_eq!(page.names(), ["Ada: active now", "Ada: idle"]);
    pass(1_000.0).await;
    assert_eq!(page.names(), ["Ada: offline", "Ada: idle"]);
    assert_eq!(request_count(), 1);
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn a_hidden_page_asks_nothing_and_catches_up_when_seen() {
    let page = Page::new();
    let app = mount(&page, &["1"]);
    page.see("svg[data-status=active]").await;
    set_visibility("hidden");
    pass(10.0 * MINUTE).await;
    assert_eq!(request_count(), 1);
    set_presence("1", Some(20.0), Some(5.0));
    set_visibility("visible");
    settle().await;
    assert_eq!(request_count(), 2);
    assert_eq!(page.names(), ["Ada: active now"]);
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn who_comes_is_shown_by_the_stream() {
    let page = Page::new();
    set_live(true);
    let app = mount(&page, &["1", "3"]);
    page.see("svg[data-status=active]").await;
    settle().await;
    assert_eq!(stream_count(), 1);
    set_presence("3", Some(1.0), Some(1.0));
    wait(send_by_streams()).await;
    settle().await;
    assert_eq!(page.names(), ["Ada: active now", "Ada: active now"]);
    assert_eq!(request_count(), 1);
    // While something arrives, once a minute.
    for _ in 0..20 {
        pass(15_000.0).await;
        set_presence("1", Some(1.0), Some(1.0));
        wait(send_by_streams()).await;
    }
    assert!((5..=7).contains(&request_count()), "{} in five minutes", request_count());
    assert_eq!(timer_count(), 1);
    // It falls silent: polling goes on as without it, and another one is opened.
    let before = request_count();
    pass(2.0 * MINUTE).await;
    assert!((3..=6).contains(&(request_count() - before)), "{}", request_count() - before);
    assert_eq!(stream_count(), 1);
    unmount(app).await;
    assert_eq!((stream_count(), timer_count()), (0, 0));
}

#[wasm_bindgen_test]
async fn a_hidden_page_has_no_stream() {
    let page = Page::new();
    set_live(true);
    let app = mount(&page, &["1"]);
    page.see("svg[data-status=active]").await;
    settle().await;
    assert_eq!(stream_count(), 1);
    set_visibility("hidden");
    settle().await;
    assert_eq!(stream_count(), 0);
    pass(10.0 * MINUTE).await;
    set_visibility("visible");
    settle().await;
    assert_eq!(stream_count(), 1);
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn a_poll_without_news_writes_nothing() {
    let page = Page::new();
    let app = mount_labelled(&page, &["1", "2", "3"], Label::Status);
    page.see("svg[data-status=active]").await;
    settle().await;
    let observer = web_sys::MutationObserver::new(&js_sys::Function::new_no_args("")).unwrap();
    let options = web_sys::MutationObserverInit::new();
    options.set_subtree(true);
    options.set_child_list(true);
    options.set_attributes(true);
    options.set_character_data(true);
    observer.observe_with_options(&page.root, &options).unwrap();
    for _ in 0..3 {
        set_presence("1", Some(10.0), Some(5.0));
        set_presence("2", Some(1_900.0), Some(5.0));
        pass(70_000.0).await;
    }
    assert!(request_count() >= 3);
    assert_eq!(observer.take_records().length(), 0);
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn labels_say_the_status_or_when_somebody_was_active() {
    let page = Page::new();
    let app = mount_labelled(&page, &["1"], Label::Status);
    page.see("svg[data-status=active]").await;
    settle().await;
    assert_eq!(page.label(), "Active now");
    unmount(app).await;

    set_presence("2", Some(300.0), Some(5.0));
    let mut app = mount_labelled(&page, &["2"], Label::LastActive);
    page.see("svg[data-status=idle]").await;
    settle().await;
    assert_eq!(page.label(), "Active 5 minutes ago");
    let asked_before = request_count();
    pass(50_000.0).await;
    assert_eq!(page.label(), "Active 5 minutes ago");
    set_outage("silent");
    pass(12_000.0).await;
    assert_eq!(page.label(), "Active 6 minutes ago", "as time passes, with no reply");
    assert!(request_count() <= asked_before + 2, "62 s are two intervals");
    app.update(TeamProps {
        users: vec!["4"],
        details: false,
        label: Label::LastActive,
        endpoint: ENDPOINT,
    });
    settle().await;
    assert_eq!(page.label(), "");
    set_outage("");
    pass(MINUTE).await;
    assert_eq!(page.label(), "Activity unknown");
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn badges_speak_the_language_around_them() {
    let page = Page::new();
    set_presence("2", Some(300.0), Some(5.0));
    for (language, name, label, own) in [
        ("de", "Ada: inaktiv", "Zuletzt aktiv vor 5 Minuten", None),
        ("DE-at", "Ada: inaktiv", "Zuletzt aktiv vor 5 Minuten", None),
        ("de_DE", "Ada: inaktiv", "Zuletzt aktiv vor 5 Minuten", None),
        ("fr", "Ada\u{a0}: en veille", "Dernière activité il y a 5 minutes", None),
        ("es", "Ada: ausente", "Última actividad hace 5 minutos", None),
        ("pt", "Ada: ausente", "Última atividade há 5 minutos", None),
        ("pt-BR", "Ada: ausente", "Última atividade há 5 minutos", None),
        ("pl", "Ada: bezczynność", "Ostatnia aktywność: 5 minut temu", None),
        ("ru", "Ada: не у экрана", "Последняя активность: 5 минут назад", None),
        ("ja", "Ada：離席中", "最終アクティブ：5 分前", None),
        ("zh-Hans", "Ada：离开", "5分钟前活跃", None),
        ("ar", "Ada: في حالة خمول", "آخر نشاط قبل 5 دقائق", None),
        ("zh-TW", "Ada: idle", "Active 5 minutes ago", Some("en")),
        ("it", "Ada: idle", "Active 5 minutes ago", Some("en")),
        ("not a language", "Ada: idle", "Active 5 minutes ago", Some("en")),
        ("en-GB", "Ada: idle", "Active 5 minutes ago", None),
        ("", "Ada: idle", "Active 5 minutes ago", None),
    ] {
        page.root.set_attribute("lang", language).unwrap();
        let app = mount_labelled(&page, &["2"], Label::LastActive);
        page.see("svg[data-status=idle]").await;
        settle().await;
        assert_eq!(
            (page.names(), page.label()),
            (vec![name.to_owned()], label.to_owned()),
            "{language}"
        );
        for badge in page.all("svg, [part=label]") {
            assert_eq!(
                badge.get_attribute("lang").as_deref(),
                own,
                "{language}: English in its midst is marked as such"
            );
        }
        unmount(app).await;
    }
}

#[wasm_bindgen_test]
async fn details_are_told_by_a_button() {
    let page = Page::new();
    set_presence("2", Some(300.0), Some(5.0));
    let mut app = mount(&page, &["2"]);
    page.see("svg[data-status=idle]").await;
    assert_eq!(page.all("button, [tabindex]").len(), 0, "no tab stop unless wanted");
    app.update(TeamProps {
        users: vec!["2"],
        details: true,
        label: Label::None,
        endpoint: ENDPOINT,
    });
    settle().await;
    let button: web_sys::HtmlElement =
        wasm_bindgen::JsCast::unchecked_into(page.all("button").remove(0));
    let details = page.all("[part=details]").remove(0);
    let is_shown = || details.get_bounding_client_rect().width() > 0.0;
    assert_eq!(button.get_attribute("aria-label").as_deref(), Some("Ada: idle"));
    let description = page.all("[part=details] [id]").remove(0);
    assert_eq!(button.get_attribute("aria-describedby"), description.get_attribute("id"));
    assert_eq!(details.text_content().as_deref(), Some("IdleActive 5 minutes ago"));
    assert!(!is_shown());
    button.click();
    settle().await;
    assert!(is_shown() && button.get_attribute("aria-expanded").as_deref() == Some("true"));
    button.click();
    settle().await;
    assert!(!is_shown() && button.get_attribute("aria-expanded").as_deref() == Some("false"));
    button.click();
    app.update(TeamProps {
        users: vec!["2"],
        details: false,
        label: Label::None,
        endpoint: ENDPOINT,
    });
    settle().await;
    assert_eq!(page.all("button, [part=details]").len(), 0);
    assert_eq!(page.names(), ["Ada: idle"]);
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn an_absurd_user_never_becomes_a_url() {
    let page = Page::new();
    let long: &'static str = Box::leak("9".repeat(10_000).into_boxed_str());
    let absurd = [
        "",
        " ",
        "..",
        "12/presence",
        "12?x=1",
        "12#x",
        "%2e%2e",
        "<script>alert(1)</script>",
        "ada",
        long,
    ];
    let app = mount(&page, &absurd);
    settle().await;
    pass(2.0 * MINUTE).await;
    assert_eq!(request_count(), 0);
    assert_eq!(page.all("svg[data-status=unknown]").len(), absurd.len());
    assert_eq!(page.all("script").len(), 0);
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn an_endpoint_that_is_no_url_is_never_asked() {
    let page = Page::new();
    let app = yew::Renderer::<Team>::with_root_and_props(
        page.root.clone(),
        TeamProps {
            users: vec!["1", "2"],
            details: false,
            label: Label::None,
            endpoint: "http://[",
        },
    )
    .render();
    settle().await;
    pass(2.0 * MINUTE).await;
    assert_eq!(request_count(), 0);
    assert_eq!(page.names(), ["Ada: status unknown", "Ada: status unknown"]);
    let lines: Vec<_> = warning_lines().iter().filter_map(|line| line.as_string()).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("endpoint must be an http or https URL") && lines[0].contains("http://["),
        "{lines:?}"
    );
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn a_badge_without_a_provider_stays_unknown() {
    let page = Page::new();
    let props = yew::props!(PresenceBadgeProps { user: "1" });
    let app =
        yew::Renderer::<PresenceBadge>::with_root_and_props(page.root.clone(), props).render();
    settle().await;
    assert_eq!(page.names(), ["Status unknown"]);
    app.destroy();
    settle().await;

    page.root.set_attribute("lang", "pl").unwrap();
    let props = yew::props!(PresenceBadgeProps { user: "1" });
    let app =
        yew::Renderer::<PresenceBadge>::with_root_and_props(page.root.clone(), props).render();
    settle().await;
    assert_eq!(page.names(), ["Status nieznany"], "in the page's language all the same");
    app.destroy();
    settle().await;
}

/// The settings of a page with a key.
fn direct() -> Settings {
    let attribute = |name: &str| {
        let value = match name {
            "endpoint" => "https://zulip.example.com",
            "email" => "bot@example.com",
            "apiKey" => "abc",
            _ => return None,
        };
        Some(value.to_owned())
    };
    Settings::from_script(&attribute, ENDPOINT).unwrap()
}

#[wasm_bindgen_test]
async fn an_address_of_the_other_kind_of_endpoint_is_named_once() {
    let gateway = || Settings::gateway(ENDPOINT).unwrap();
    for (is_zulip, settings, expected) in [
        (false, gateway(), None),
        (true, direct(), None),
        (true, gateway(), Some("add data-email and data-api-key")),
        (false, direct(), Some("Remove data-email and data-api-key")),
    ] {
        let page = Page::new();
        set_zulip(is_zulip);
        set_presence("ada@example.com", Some(10.0), None);
        let client = PresenceClient::new(&settings);
        let users = [UserRef::Id(1), UserRef::Email("ada@example.com".into())];
        let subscriptions = users.map(|user| client.subscribe(&user, Rc::new(|_, _| ())));
        subscriptions.iter().for_each(|subscription| subscription.set_visible(true));
        pass(120_000.0).await;
        let lines: Vec<_> = warning_lines().iter().filter_map(|line| line.as_string()).collect();
        let about_the_endpoint = lines.iter().filter(|line| line.contains("what answers is"));
        assert_eq!(about_the_endpoint.count(), usize::from(expected.is_some()), "{lines:?}");
        assert!(expected.is_none_or(|fix| lines[lines.len() - 1].contains(fix)), "{lines:?}");
        drop((subscriptions, client));
        settle().await;
        drop(page);
    }
}

#[wasm_bindgen_test]
async fn zulip_itself_gets_the_key_in_a_header_and_nothing_else() {
    let page = Page::new();
    set_zulip(true);
    let settings = direct();
    let direct = PresenceClient::new(&settings).subscribe(&UserRef::Id(1), Rc::new(|_, _| ()));
    direct.set_visible(true);
    wait(asked(1)).await;
    let expected = "https://zulip.example.com/api/v1/users/1/presence omit accept-language=en authorization=Basic Ym90QGV4YW1wbGUuY29tOmFiYw==";
    assert_eq!(last_request(), expected);
    settle().await;
    assert_eq!(direct.view().status, Status::Active);
    set_zulip(false);
    let other = PresenceClient::new(&settings.with_endpoint(ENDPOINT).unwrap());
    let other = other.subscribe(&UserRef::Id(2), Rc::new(|_, _| ()));
    other.set_visible(true);
    wait(asked(2)).await;
    assert_eq!(
        last_request(),
        format!("{ENDPOINT}/realm/presence?users=%5B2%5D&slim_presence=true same-origin"),
        "no key for others"
    );
    drop((direct, other));
    settle().await;
    drop(page);
}

#[wasm_bindgen_test]
async fn refresh_asks_at_once_but_not_twice() {
    let page = Page::new();
    let app = mount(&page, &["1"]);
    page.see("svg[data-status=active]").await;
    let subscription = PresenceClient::new(&Settings::gateway(ENDPOINT).unwrap())
        .subscribe(&UserRef::Id(1), Rc::new(|_, _| ()));
    pass(15_000.0).await;
    for _ in 0..5 {
        subscription.refresh();
        settle().await;
    }
    assert_eq!(request_count(), 2);
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn the_popover_of_a_yew_app_has_its_style() {
    let page = Page::new();
    let props =
        TeamProps { users: vec!["2"], details: true, label: Label::None, endpoint: ENDPOINT };
    let app = yew::Renderer::<Team>::with_root_and_props(page.root.clone(), props).render();
    page.see("svg[data-status=idle]").await;
    let button: web_sys::HtmlElement =
        wasm_bindgen::JsCast::unchecked_into(page.all("button").remove(0));
    button.click();
    settle().await;
    let style = |selector: &str, property: &str| {
        let element = page.all(selector).remove(0);
        let style = web_sys::window().unwrap().get_computed_style(&element).unwrap().unwrap();
        style.get_property_value(property).unwrap()
    };
    let popover = "[part=details]";
    assert_eq!(style(popover, "display"), "block");
    assert_eq!(style(popover, "position"), "fixed");
    let text = "[part=details] > span";
    assert_ne!(style(text, "background-color"), "rgba(0, 0, 0, 0)");
    assert_eq!(style(text, "border-top-width"), "1px");
    assert_ne!(style(text, "padding-left"), "0px");
    assert_eq!(style("button", "border-top-width"), "0px");
    unmount(app).await;
}

#[wasm_bindgen_test]
async fn a_yew_app_that_is_moved_to_another_document_keeps_style_and_news() {
    let page = Page::new();
    let app = mount(&page, &["1"]);
    page.see("svg[data-status=active]").await;
    let fill = |window: &web_sys::Window| {
        let icon = page.all("svg").remove(0);
        let style = window.get_computed_style(&icon).unwrap().unwrap();
        style.get_property_value("fill").unwrap()
    };
    let before = fill(&web_sys::window().unwrap());
    assert_ne!(before, "rgb(0, 0, 0)");
    let iframe = iframe();
    iframe.content_document().unwrap().body().unwrap().append_child(&page.root).unwrap();
    JsFuture::from(frames()).await.unwrap();
    settle().await;
    assert_eq!(fill(&iframe.content_window().unwrap()), before);
    set_presence("1", Some(1_800.0), Some(5.0));
    pass(MINUTE).await;
    assert_eq!(page.all("svg[data-status=idle]").len(), 1);
    unmount(app).await;
    iframe.remove();
}

#[wasm_bindgen_test]
async fn badges_follow_the_language_of_a_yew_app_when_it_changes() {
    let page = Page::new();
    page.root.set_attribute("lang", "en").unwrap();
    let app = mount_labelled(&page, &["1"], Label::Status);
    page.see("svg[data-status=active]").await;
    settle().await;
    assert_eq!(
        (page.names(), page.label()),
        (vec!["Ada: active now".to_owned()], "Active now".to_owned())
    );
    page.root.set_attribute("lang", "de").unwrap();
    settle().await;
    assert_eq!(
        (page.names(), page.label()),
        (vec!["Ada: gerade aktiv".to_owned()], "Gerade aktiv".to_owned())
    );
    unmount(app).await;
}

#[derive(Properties, PartialEq)]
struct DoorbellProps {
    user: &'static str,
}

/// Draws presence itself.
#[component]
fn Doorbell(props: &DoorbellProps) -> Html {
    let view = use_presence(props.user);
    html! { <output>{ view.status.as_str() }</output> }
}

#[derive(Properties, PartialEq)]
struct HouseProps {
    user: &'static str,
}

#[component]
fn House(props: &HouseProps) -> Html {
    html! { <PresenceProvider endpoint={ENDPOINT}><Doorbell user={props.user} /></PresenceProvider> }
}

#[wasm_bindgen_test]
async fn use_presence_follows_a_person_without_a_badge() {
    let page = Page::new();
    let text = || page.all("output").remove(0).text_content().unwrap();
    let mut app =
        yew::Renderer::<House>::with_root_and_props(page.root.clone(), HouseProps { user: "1" })
            .render();
    wait(asked(1)).await;
    settle().await;
    assert_eq!(text(), "active");
    pass(3.5 * MINUTE).await;
    assert_eq!(text(), "offline", "as time passes");
    set_presence("2", Some(1_800.0), Some(5.0));
    app.update(HouseProps { user: "2" });
    settle().await;
    pass(5_000.0).await;
    assert_eq!(text(), "idle");
    app.update(HouseProps { user: "nobody" });
    settle().await;
    assert_eq!(text(), "unknown");
    app.destroy();
    settle().await;
    assert_eq!(timer_count(), 0);
}

#[wasm_bindgen_test]
async fn ten_thousand_mounts_leave_nothing_behind() {
    let page = Page::new();
    let round = async || {
        let props = TeamProps {
            users: vec!["1", "2"],
            details: true,
            label: Label::Status,
            endpoint: ENDPOINT,
        };
        let root = web_sys::window().unwrap().document().unwrap().create_element("div").unwrap();
        page.root.append_child(&root).unwrap();
        let app = yew::Renderer::<Team>::with_root_and_props(root.clone(), props).render();
        yew::scheduler::flush().await;
        assert_eq!(root.query_selector_all("button").unwrap().length(), 2);
        app.destroy();
        yew::scheduler::flush().await;
        root.remove();
    };
    for _ in 0..500 {
        round().await;
    }
    let (listeners, memory) = (listener_count(), memory_bytes());
    for _ in 500..5_000 {
        round().await;
    }
    assert_eq!(listener_count(), listeners, "listeners");
    assert_eq!(memory_bytes(), memory, "pages of memory");
}

fn memory_bytes() -> u32 {
    let memory: js_sys::WebAssembly::Memory =
        wasm_bindgen::JsCast::unchecked_into(wasm_bindgen::memory());
    js_sys::ArrayBuffer::byte_length(&wasm_bindgen::JsCast::unchecked_into(memory.buffer()))
}
