//! Starting, reloading and stopping: what clients notice of each, and what they must not.

#![allow(clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use ferrogw_tests::config::{MODEL, Setup, VENDOR_KEY};
use ferrogw_tests::http::End;
use ferrogw_tests::{Call, Event, Gateway, SOON, Vendor, chat_body, eventually, keys, stream_body};

fn ready(gateway: &Gateway) -> u16 {
    Call::get("/readyz")
        .try_send(gateway.addr())
        .map_or(0, |answer| answer.status())
}

#[test]
fn a_start_is_announced_once_for_machines() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let line = gateway
        .log
        .wait(SOON, |line| line["msg"] == "ferrogw started")
        .expect("the start is logged");
    assert_eq!(line["level"], "INFO");
    assert!(
        line["addr"]
            .as_str()
            .is_some_and(|addr| addr.contains(&gateway.addr().port().to_string())),
        "{line}"
    );
    assert!(line["version"].is_string());
    for text in gateway.log.lines() {
        assert!(
            serde_json::from_str::<serde_json::Value>(&text).is_ok(),
            "stdout holds JSON lines only: {text}"
        );
    }
    assert!(
        !gateway.everything_said().contains(keys::MASTER),
        "the master key is nowhere"
    );
}

#[test]
fn without_any_key_it_starts_and_says_what_is_missing() {
    let gateway = Gateway::without_config(&[("MASTER_KEY", keys::MASTER)]);
    let answer = gateway.send(&Call::get("/readyz"));
    assert_eq!(answer.status(), 503);
    let body = answer.json();
    assert_eq!(body["status"], "not_ready", "{body}");
    assert!(
        body["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("no routable targets")),
        "{body}"
    );
    assert_eq!(
        gateway.send(&Call::get("/livez")).status(),
        200,
        "alive all the same"
    );
    assert_eq!(gateway.send(&Call::get("/health")).status(), 503);

    let refused = gateway.send(&Call::chat(chat_body(MODEL)).bearer(keys::MASTER));
    assert_eq!(
        (refused.status(), refused.error().1.as_str()),
        (404, "model_not_found")
    );
    eventually("the console tells what to set", || {
        gateway
            .everything_said()
            .contains("OPENAI_API_KEY")
            .then_some(())
    });
}

#[test]
fn the_environment_alone_makes_a_gateway() {
    let vendor = Vendor::start();
    let url = vendor.base_url();
    let gateway = Gateway::without_config(&[
        ("MASTER_KEY", keys::MASTER),
        ("OPENAI_API_KEY", VENDOR_KEY),
        ("OPENAI_BASE_URL", &url),
    ]);
    assert_eq!(ready(&gateway), 200);
    let answer = gateway.send(&Call::chat(chat_body("gpt-4o-mini")).bearer(keys::MASTER));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let sent = vendor.only();
    assert_eq!(sent.path, "/v1/chat/completions");
    assert_eq!(
        sent.header("authorization"),
        Some(format!("Bearer {VENDOR_KEY}").as_str())
    );
    let key = gateway.access(&answer)["key"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        key.starts_with("master-key:") && key.len() == "master-key:".len() + 16,
        "{key}"
    );
}

#[test]
fn case_31_a_target_without_its_key_is_left_out_and_named() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(
        &Gateway::before(&vendor).further_target("- virtual_key: groq\n  models: [lonely]"),
    );
    assert_eq!(ready(&gateway), 200, "one target is enough");
    let warned = gateway.log.wait(SOON, |line| {
        line["level"] == "WARN" && line.to_string().contains("groq")
    });
    assert!(
        warned.is_some_and(|line| line.to_string().contains("GROQ_API_KEY")),
        "{}",
        gateway.everything_said()
    );
    let refused = gateway.chat(chat_body("lonely"));
    assert_eq!(refused.status(), 404);
    assert!(!refused.text().contains("groq"), "{}", refused.text());
    let listed = gateway.ask(ferrogw_tests::Call::get("/v1/models")).text();
    assert!(!listed.contains("lonely"), "{listed}");
}

#[test]
fn fallback_goes_on_to_the_next_target_before_the_first_byte() {
    let vendor = Vendor::start();
    let nowhere = ferrogw_tests::gateway::free_address();
    let setup = ferrogw_tests::config::Setup::at(&format!("http://{nowhere}/v1"))
        .section("strategy:\n  mode: fallback")
        .further_target(&format!(
            "- virtual_key: second\n  provider: openai\n  api_key: ${{VENDOR_KEY}}\n  base_url: {}\n  models: [{MODEL}]",
            vendor.base_url()
        ));
    let gateway = Gateway::start(&setup);
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        let answer = gateway.chat(body);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let line = gateway.access(&answer);
        assert_eq!(
            (line["target"].as_str(), line["attempts"].as_u64()),
            (Some("second"), Some(2)),
            "{line}"
        );
    }
    vendor.next("status=400");
    let refused = gateway.chat(chat_body(MODEL));
    assert_eq!(refused.status(), 400, "the caller's own mistake");
    assert!(
        gateway
            .metrics()
            .count("gateway_provider_errors_total", &[("provider", "openai")])
            >= 2
    );
}

#[test]
fn a_good_reload_takes_effect_and_a_bad_one_changes_nothing() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor);
    let gateway = Gateway::start(&setup);
    assert_eq!(gateway.chat(chat_body("newcomer")).status(), 404);

    gateway.rewrite_config(
        &setup
            .clone()
            .model("newcomer", "gpt-new")
            .key(keys::BARE, "")
            .yaml(),
    );
    gateway.signal("HUP");
    eventually("the new model is served", || {
        (gateway.chat(chat_body("newcomer")).status() == 200).then_some(())
    });
    assert_eq!(vendor.last().json().expect("JSON")["model"], "gpt-new");
    let bare = Call::chat(chat_body(MODEL)).bearer(keys::BARE.token);
    assert_eq!(gateway.send(&bare).status(), 200, "and so is the new key");

    gateway.rewrite_config("targets:\n  - virtual_key: openai\n    wieght: 3\n");
    gateway.signal("HUP");
    let told = gateway.log.wait(SOON, |line| {
        line["level"] == "ERROR" && line.to_string().contains("wieght")
    });
    assert!(told.is_some(), "{}", gateway.everything_said());
    assert_eq!(
        gateway.chat(chat_body("newcomer")).status(),
        200,
        "the running configuration stays"
    );
    assert_eq!(ready(&gateway), 200);

    gateway.rewrite_config(&setup.yaml());
    gateway.signal("HUP");
    eventually("the key is gone", || {
        (gateway.send(&bare).status() == 401).then_some(())
    });
    eventually("the model is gone", || {
        (gateway.chat(chat_body("newcomer")).status() == 404).then_some(())
    });
}

#[test]
fn a_reload_leaves_streams_alone() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor).model("slow", "mock:events=20;cadence=100ms");
    let gateway = Gateway::start(&setup);
    let mut live = gateway.open_chat(stream_body("slow"));
    assert!(live.next().is_some());
    gateway.rewrite_config(&Gateway::before(&vendor).yaml());
    gateway.signal("HUP");
    eventually("the model is gone", || {
        (gateway.chat(chat_body("slow")).status() == 404).then_some(())
    });
    let (events, end) = live.rest();
    assert_eq!(
        (events.last().map(Event::is_done), end),
        (Some(true), End::Whole)
    );
}

#[test]
fn a_stop_turns_unready_first_lets_streams_finish_and_ends_well() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("slow", "mock:events=30;cadence=100ms")
        .section("server:\n  drain_delay: 1s\n  drain_timeout: 20s");
    let gateway = Gateway::start(&setup);
    let mut live = gateway.open_chat(stream_body("slow"));
    assert!(live.next().is_some());
    gateway.signal("TERM");

    eventually("it says that it is going", || {
        (ready(&gateway) == 503).then_some(())
    });
    assert_eq!(
        gateway.send(&Call::get("/readyz")).json()["status"],
        "not_ready"
    );
    assert_eq!(
        gateway.chat(chat_body(MODEL)).status(),
        200,
        "during the delay it still serves"
    );
    eventually("it takes no more connections", || {
        (ready(&gateway) == 0).then_some(())
    });

    let (events, end) = live.rest();
    assert_eq!(
        (events.last().map(Event::is_done), end),
        (Some(true), End::Whole),
        "the stream was not cut"
    );
    let ended = gateway.wait_for_end(SOON).expect("it ends");
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let entry = gateway
        .log
        .objects()
        .into_iter()
        .find(|entry| entry["stream"] == true)
        .expect("the stream's line");
    assert_eq!(entry["outcome"], "answered", "{entry}");
}

#[test]
fn a_stop_without_calls_is_quick() {
    let vendor = Vendor::start();
    for signal in ["TERM", "INT"] {
        let gateway = Gateway::start(&Gateway::before(&vendor));
        let mut idle = gateway.connect();
        idle.write(&Call::get("/livez").bytes(gateway.addr()))
            .expect("the gateway reads");
        assert_eq!(idle.answer(false).expect("an answer").status(), 200);
        let begun = Instant::now();
        gateway.signal(signal);
        let ended = gateway.wait_for_end(SOON).expect("it ends");
        assert_eq!(ended.code(), Some(0), "{signal}: {ended:?}");
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{signal}: an idle connection holds nobody up: {:?}",
            begun.elapsed()
        );
    }
}

#[test]
fn a_stream_that_outlives_the_patience_is_cut_and_still_paid_for() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("endless", "mock:events=2000;cadence=50ms")
        .section("server:\n  drain_timeout: 1s");
    let gateway = Gateway::start(&setup);
    let mut live = gateway.open_chat(stream_body("endless"));
    assert!(live.next().is_some());
    gateway.signal("TERM");
    let ended = gateway.wait_for_end(SOON).expect("it ends");
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let (events, _) = live.rest();
    assert!(
        !events.iter().any(Event::is_done),
        "a cut stream does not look complete"
    );
    let lines = gateway.log.objects();
    assert!(
        lines
            .iter()
            .any(|line| line["surface"] == "chat" && line["outcome"] != "answered"),
        "{lines:?}"
    );
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("endless", "mock:events=2000;cadence=50ms")
        .section("server:\n  drain_timeout: 60s");
    let gateway = Gateway::start(&setup);
    let mut stream = gateway.open_chat(stream_body("endless"));
    assert!(stream.next().is_some());
    gateway.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        gateway.wait_for_end(Duration::ZERO).is_none(),
        "the first signal waits for the stream"
    );
    gateway.signal("TERM");
    let ended = gateway.wait_for_end(Duration::from_secs(5));
    let ended = ended.expect("the second does not");
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let is_cut = |line: &serde_json::Value| line["surface"] == "chat";
    let line = gateway.log.wait(SOON, is_cut).expect("it has a line");
    assert_eq!(line["outcome"], "aborted", "{line}");
}

/// Also before the delay is over, in which nothing was asked to end.
#[test]
fn a_second_signal_is_heeded_during_the_delay() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("endless", "mock:events=2000;cadence=50ms")
        .section("server:\n  drain_delay: 60s");
    let gateway = Gateway::start(&setup);
    let mut live = gateway.open_chat(stream_body("endless"));
    assert!(live.next().is_some());
    gateway.signal("TERM");
    eventually("it says that it is going", || {
        (ready(&gateway) == 503).then_some(())
    });
    gateway.signal("INT");
    let ended = gateway.wait_for_end(Duration::from_secs(5));
    assert_eq!(ended.and_then(|ended| ended.code()), Some(0));
    let is_cut = |line: &serde_json::Value| line["surface"] == "chat";
    assert!(gateway.log.wait(SOON, is_cut).is_some(), "it has a line");
}

#[test]
fn a_second_signal_leaves_no_call_without_its_line() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("endless", "mock:events=2000;cadence=50ms")
        .model("silent", "mock:stall")
        .section("server:\n  drain_timeout: 60s");
    let gateway = Gateway::start(&setup);
    let mut open: Vec<_> = (0..3)
        .map(|_| gateway.open_chat(stream_body("endless")))
        .collect();
    assert!(open.iter_mut().all(|live| live.next().is_some()));
    let mut waiting = gateway.connect();
    let call = Call::chat(chat_body("silent")).bearer(keys::APP.token);
    waiting
        .write(&call.bytes(gateway.addr()))
        .expect("the gateway reads");
    eventually("all are under way", || {
        (vendor.stats().in_flight == 4).then_some(())
    });

    gateway.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    gateway.signal("TERM");
    assert!(gateway.wait_for_end(Duration::from_secs(5)).is_some());
    // The pipe is read by a thread of its own.
    eventually("every call has left its line", || {
        let lines = gateway.log.objects();
        let calls = lines
            .iter()
            .filter(|line| line["surface"] == "chat" && line["outcome"] != "answered");
        let paid = calls.filter(|line| line["tokens_in"].as_u64() > Some(0));
        (paid.count() == 4).then_some(())
    });
}

/// A stream that is read on without its client is nobody's to wait for, but it has been paid for.
#[test]
fn a_stop_finds_what_was_still_read_for_its_usage() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor)
        .model("endless", "mock:events=2000;cadence=50ms")
        .section("stream:\n  on_disconnect: drain\nserver:\n  drain_timeout: 1s");
    let gateway = Gateway::start(&setup);
    let mut stream = gateway.open_chat(stream_body("endless"));
    for _ in 0..4 {
        assert!(stream.next().is_some());
    }
    let id = stream
        .head
        .header("x-request-id")
        .expect("an id")
        .to_owned();
    drop(stream);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(
        vendor.stats().in_flight,
        1,
        "the vendor is still being read"
    );
    gateway.signal("TERM");
    let ended = gateway.wait_for_end(SOON).expect("it ends");
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let line = gateway.access_by_id(&id);
    assert_eq!(line["outcome"], "aborted", "{line}");
    assert!(
        line["tokens_in"].as_u64() > Some(0) && line["tokens_out"].as_u64() > Some(0),
        "{line}"
    );
    assert_eq!(line["estimated"], true, "{line}");
}

fn listed(gateway: &Gateway) -> Vec<String> {
    let body = gateway.ask(Call::get("/v1/models")).json();
    let models = body["data"].as_array().into_iter().flatten();
    models
        .filter_map(|model| model["id"].as_str().map(str::to_owned))
        .collect()
}

fn reload(gateway: &Gateway, setup: &Setup) {
    let done = || {
        gateway
            .metrics()
            .count("gateway_config_reloads_total", &[("result", "success")])
    };
    let before = done();
    gateway.rewrite_config(&setup.yaml());
    gateway.signal("HUP");
    eventually("it is reloaded", || (done() > before).then_some(()));
}

/// A target's name may stay while what it stands for changes.
#[test]
fn a_target_at_another_address_forgets_what_the_former_vendor_listed() {
    let (former, silent, latter) = (Vendor::start(), Vendor::start(), Vendor::start());
    former.lists(u32::MAX, &["of-the-former", "of-both"]);
    silent.when_listing(u32::MAX, "status=500");
    latter.lists(u32::MAX, &["of-the-latter", "of-both"]);
    let gateway = Gateway::start(&Gateway::before(&former));
    let has = |id: &str| listed(&gateway).iter().any(|known| known == id);
    let status = |model: &str| gateway.chat(chat_body(model)).status();
    eventually("the former's list is there", || {
        has("of-the-former").then_some(())
    });
    assert_eq!(status("of-the-former"), 200);

    reload(&gateway, &Gateway::before(&silent));
    assert!(!has("of-the-former") && !has("of-both"));
    assert_eq!(
        ["of-the-former", "of-both", MODEL].map(status),
        [404, 404, 200]
    );
    assert_eq!(silent.received().len(), 1, "of these only the declared one");

    reload(&gateway, &Gateway::before(&latter));
    eventually("the latter's list is there", || {
        has("of-the-latter").then_some(())
    });
    assert!(!has("of-the-former") && has("of-both"));
    assert_eq!(
        ["of-the-latter", "of-both", "of-the-former"].map(status),
        [200, 200, 404]
    );
}

#[test]
fn a_target_of_another_provider_forgets_and_the_same_keeps_what_was_listed() {
    let vendor = Vendor::start();
    vendor.lists(1, &["found-once"]);
    vendor.when_listing(u32::MAX, "status=500");
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let has = || listed(&gateway).iter().any(|known| known == "found-once");
    let status = || gateway.chat(chat_body("found-once")).status();
    eventually("the list is there", || has().then_some(()));

    reload(&gateway, &Gateway::before(&vendor).model("newcomer", "x"));
    assert!(has() && status() == 200, "the vendor is the same");

    reload(
        &gateway,
        &Gateway::before(&vendor).target("provider: deepseek"),
    );
    assert!(!has(), "{:?}", listed(&gateway));
    assert_eq!(status(), 404);
}

#[test]
fn an_address_in_use_is_a_failure_that_names_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("an address").to_string();
    let mut command = ferrogw_tests::binary::command(&["serve", "--listen", &addr]);
    let said = ferrogw_tests::binary::Said::from(
        command
            .env("MASTER_KEY", "x")
            .output()
            .expect("it ends by itself"),
    );
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        format!("{}{}", said.err, said.out).contains(&addr),
        "{said:?}"
    );
}

/// Calls are served whether anybody reads the log or not.
#[test]
fn a_log_that_nobody_reads_holds_no_call_up() {
    let vendor = Vendor::start();
    let folder = tempfile::TempDir::new().expect("a temporary directory");
    let config = folder.path().join("config.yaml");
    std::fs::write(&config, Gateway::before(&vendor).yaml()).expect("the config can be written");
    for reads in [false, true] {
        let addr = ferrogw_tests::gateway::free_address();
        let listen = addr.to_string();
        let mut command =
            ferrogw_tests::binary::command(&["serve", "--listen", &listen, "--config"]);
        command
            .arg(&config)
            .env("VENDOR_KEY", VENDOR_KEY)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null());
        let mut child = command.spawn().expect("the binary can be run");
        if reads {
            // The reader goes away: from now on writing fails.
            drop(child.stdout.take());
        }
        eventually("it is up", || {
            Call::get("/livez").try_send(addr).is_ok().then_some(())
        });
        let mut connection = ferrogw_tests::http::Connection::open(addr).expect("it accepts");
        let call = Call::chat(chat_body(MODEL))
            .bearer(keys::APP.token)
            .bytes(addr);
        // A pipe holds 64 KiB: some 200 lines.
        let served = (0..1500).all(|_| {
            connection.write(&call).is_ok()
                && connection
                    .answer(false)
                    .is_ok_and(|answer| answer.status() == 200)
        });
        child.kill().expect("it still runs");
        child.wait().expect("it ends");
        assert!(served, "reader gone: {reads}");
    }
}

#[test]
fn a_hang_up_without_a_file_is_no_reason_to_die() {
    let vendor = Vendor::start();
    let url = vendor.base_url();
    let gateway = Gateway::without_config(&[
        ("MASTER_KEY", keys::MASTER),
        ("OPENAI_API_KEY", VENDOR_KEY),
        ("OPENAI_BASE_URL", &url),
    ]);
    gateway.signal("HUP");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(
        gateway
            .send(&Call::chat(chat_body("gpt-4o-mini")).bearer(keys::MASTER))
            .status(),
        200
    );
    assert_eq!(ready(&gateway), 200);
}

/// Mounted configurations change by an exchanged link, not by a written file.
#[test]
fn an_exchanged_link_is_a_changed_file() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor);
    let gateway = Gateway::start(&setup);
    let folder = gateway.dir();
    let link = |version: &str| {
        std::fs::create_dir_all(folder.join(version)).expect("a folder");
        let yaml = setup.clone().model(version, "m").yaml();
        std::fs::write(folder.join(version).join("config.yaml"), yaml)
            .expect("the config can be written");
        std::os::unix::fs::symlink(folder.join(version), folder.join("..next")).expect("a link");
        std::fs::rename(folder.join("..next"), folder.join("..data"))
            .expect("the link can be exchanged");
    };
    link("one");
    let _ = std::fs::remove_file(gateway.config_path());
    std::os::unix::fs::symlink("..data/config.yaml", gateway.config_path()).expect("a link");
    eventually("the first is served", || {
        (gateway.chat(chat_body("one")).status() == 200).then_some(())
    });
    link("two");
    eventually("the second is served", || {
        (gateway.chat(chat_body("two")).status() == 200).then_some(())
    });
    assert_eq!(gateway.chat(chat_body("one")).status(), 404);
}

#[test]
fn the_log_is_as_the_operator_wants_it() {
    let vendor = Vendor::start();
    let lines = |setup: &ferrogw_tests::config::Setup| {
        let gateway = Gateway::start(setup);
        gateway.chat(chat_body(MODEL));
        vendor.next("status=500");
        gateway.chat(chat_body(MODEL));
        gateway.signal("TERM");
        gateway.wait_for_end(SOON).expect("it ends");
        std::thread::sleep(Duration::from_millis(100));
        gateway.log.lines()
    };
    let base = || Gateway::before(&vendor);
    let all = lines(&base());
    assert_eq!(
        all.iter()
            .filter(|line| line.contains("\"msg\":\"request\""))
            .count(),
        2,
        "{all:?}"
    );
    let without = lines(&base().section("log:\n  access: false"));
    assert!(
        !without
            .iter()
            .any(|line| line.contains("\"msg\":\"request\"")),
        "{without:?}"
    );
    let text = lines(&base().section("log:\n  format: text"));
    assert!(
        text.len() >= 3 && !text.iter().any(|line| line.starts_with('{')),
        "{text:?}"
    );
}

#[test]
fn connections_have_a_bound_and_come_back() {
    let vendor = Vendor::start();
    let gateway =
        Gateway::start(&Gateway::before(&vendor).section("server:\n  max_connections: 8"));
    let open: Vec<_> = (0..40)
        .map(|_| std::net::TcpStream::connect(gateway.addr()).expect("the system accepts"))
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    drop(open);
    eventually("there is room again", || {
        (ready(&gateway) == 200).then_some(())
    });
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
}

/// Whoever sees it listen may signal it: orchestrators do both within milliseconds.
#[test]
fn a_signal_right_after_the_start_is_heeded() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor);
    for _ in 0..8 {
        let reloaded = Gateway::start_unwatched(&setup);
        reloaded.signal("HUP");
        assert!(
            reloaded.wait_for_end(Duration::from_millis(300)).is_none(),
            "a hang-up asks for a reload, not for an end"
        );
        let stopped = Gateway::start_unwatched(&setup);
        stopped.signal("TERM");
        let ended = stopped.wait_for_end(SOON).expect("it ends");
        assert_eq!(ended.code(), Some(0), "{ended:?}");
    }
}

/// A mount may come after the configuration that names what is in it.
#[test]
fn a_reload_that_lacked_a_file_succeeds_once_the_file_is_there() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor).model("newcomer", "m");
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let key = gateway.dir().join("vendor.key");
    let from_file = format!("api_key: file:{}", key.display());
    gateway.rewrite_config(&setup.yaml().replace("api_key: ${VENDOR_KEY}", &from_file));
    let refused = |line: &serde_json::Value| {
        line["level"] == "ERROR" && line.to_string().contains("vendor.key")
    };
    assert!(gateway.log.wait(SOON, refused).is_some(), "it is told");
    // Looked at several times since.
    std::thread::sleep(Duration::from_millis(2500));
    let told = gateway.log.objects().into_iter().filter(refused).count();
    assert_eq!(told, 1, "{}", gateway.everything_said());
    gateway.signal("HUP");
    eventually("who asks is answered", || {
        let told = gateway.log.objects().into_iter().filter(refused).count();
        (told == 2).then_some(())
    });

    std::fs::write(&key, "sk-from-the-file").expect("the key can be written");
    eventually("the new model is served", || {
        (gateway.chat(chat_body("newcomer")).status() == 200).then_some(())
    });
    assert_eq!(
        vendor.last().header("authorization"),
        Some("Bearer sk-from-the-file")
    );
}

#[test]
fn a_changed_file_is_read_once() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor);
    let gateway = Gateway::start(&setup);
    let key = gateway.dir().join("vendor.key");
    std::fs::write(&key, VENDOR_KEY).expect("the key can be written");
    let from_file = format!("api_key: file:{}", key.display());
    // Names a file that it did not name before.
    gateway.rewrite_config(&setup.yaml().replace("api_key: ${VENDOR_KEY}", &from_file));
    let reloaded = |line: &serde_json::Value| line["msg"] == "configuration reloaded";
    assert!(gateway.log.wait(SOON, reloaded).is_some());
    std::thread::sleep(Duration::from_millis(2500));
    let times = gateway.log.objects().into_iter().filter(reloaded).count();
    assert_eq!(times, 1, "{}", gateway.everything_said());
}

#[test]
fn a_vendor_that_is_configured_no_longer_is_let_go() {
    let (before, after) = (Vendor::start(), Vendor::start());
    let gateway = Gateway::start(&Gateway::before(&before));
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    let listed = || {
        let all = before.everything();
        all.iter().any(|request| request.method == "GET")
    };
    eventually("its models were asked for", || {
        (listed() && before.stats().in_flight == 0).then_some(())
    });
    assert!(
        before.stats().connections_open > 0,
        "kept for the next call"
    );
    gateway.rewrite_config(&Gateway::before(&after).yaml());
    gateway.signal("HUP");
    eventually("no connection is left", || {
        (before.stats().connections_open == 0).then_some(())
    });
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
}
