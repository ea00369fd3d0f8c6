//! Spec 06 §1: the commands, their output and their exit codes.

#![allow(clippy::expect_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ferrogw_tests::binary::{Said, command, run};
use ferrogw_tests::gateway::free_address;
use ferrogw_tests::{Call, eventually};
use tempfile::TempDir;

fn folder() -> TempDir {
    TempDir::new().expect("a temporary directory")
}

fn written(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("the file can be written");
    path.to_str().expect("a path that is text").to_owned()
}

fn run_in(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Said {
    command(args)
        .current_dir(folder)
        .envs(env.iter().copied())
        .output()
        .expect("the binary can be run")
        .into()
}

const GOOD: &str = "targets:\n  - virtual_key: openai\n    api_key: ${NOT_SET_ANYWHERE}\naliases:\n  small: gpt-4o-mini\n";

#[test]
fn a_good_config_is_valid_whatever_the_environment() {
    let folder = folder();
    let yaml = written(&folder, "good.yaml", GOOD);
    let short = written(&folder, "good.yml", GOOD);
    let json = written(
        &folder,
        "good.json",
        r#"{"targets":[{"virtual_key":"openai","api_key":"${NOT_SET_ANYWHERE}"}]}"#,
    );
    for file in [&yaml, &short, &json] {
        let said = run(&["validate", file]);
        assert_eq!(said.code, 0, "{said:?}");
        assert!(
            said.out.contains("[OK]") && said.out.contains("openai"),
            "{said:?}"
        );
        assert_eq!(said.err, "", "{file}");
    }
    let as_json = run(&["validate", &yaml, "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&as_json.out).expect("JSON on stdout");
    assert_eq!(value["targets"][0]["virtual_key"], "openai");
    assert_eq!(
        value["targets"][0]["api_key"], "${NOT_SET_ANYWHERE}",
        "references stay references"
    );
    assert!(
        run(&["validate", &yaml, "--format", "yaml"])
            .out
            .contains("virtual_key: openai")
    );
}

#[test]
fn everything_that_is_wrong_is_told_with_its_place() {
    let folder = folder();
    let file = written(
        &folder,
        "bad.yaml",
        "targets:\n  - virtual_key: openai\n    base_ulr: http://x\n  - virtual_key: opnai\nrequest_timeout: -3s\nstrategy:\n  mode: falback\n",
    );
    let said = run(&["validate", &file]);
    assert_eq!(said.code, 3, "{said:?}");
    assert_eq!(said.out, "", "problems go to stderr");
    for (line, parts) in [
        (3, vec!["base_ulr", "base_url"]),
        (4, vec!["opnai", "openai"]),
        (5, vec!["request_timeout"]),
        (7, vec!["falback", "fallback"]),
    ] {
        let place = format!(":{line}:");
        let told = said
            .err
            .lines()
            .any(|text| text.contains(&place) && text.contains(parts[0]));
        assert!(told, "line {line} with {parts:?} in\n{}", said.err);
        assert!(
            parts.iter().all(|part| said.err.contains(part)),
            "{parts:?} in\n{}",
            said.err
        );
    }
    assert!(said.err.contains("did you mean"), "{}", said.err);
}

#[test]
fn what_cannot_be_a_config_is_told_as_such() {
    let folder = folder();
    let key = ferrogw_tests::keys::APP.token;
    for (name, text, part) in [
        ("empty.yaml", "", "target"),
        ("none.yaml", "targets: []\n", "target"),
        ("list.yaml", "- a\n", "list.yaml:1"),
        ("broken.yaml", "targets: [\n", "broken.yaml"),
        (
            "tab.yaml",
            "targets:\n\t- virtual_key: openai\n",
            "tab.yaml:2",
        ),
        (
            "twice.yaml",
            "targets:\n  - virtual_key: openai\ntargets: []\n",
            "targets",
        ),
        (
            "two.yaml",
            "targets:\n  - virtual_key: openai\n---\na: 1\n",
            "two.yaml",
        ),
        ("broken.json", "{\"targets\": [}", "broken.json:1"),
        (
            "trailing.json",
            "{\"targets\":[{\"virtual_key\":\"openai\"}]} x",
            "trailing.json:1",
        ),
        (
            "type.yaml",
            "targets:\n  - virtual_key: openai\nmax_request_bytes: lots\n",
            "max_request_bytes",
        ),
        (
            "alias.yaml",
            "targets:\n  - virtual_key: openai\naliases:\n  a: b\n  b: c\n",
            "alias",
        ),
        (
            "self.yaml",
            "targets:\n  - virtual_key: openai\naliases:\n  a: a\n",
            "a",
        ),
        (
            "model.yaml",
            "targets:\n  - virtual_key: openai\n    models: [\"gpt-*\"]\n",
            "gpt-*",
        ),
        (
            "same.yaml",
            "targets:\n  - virtual_key: openai\n    models: [x, x]\n",
            "x",
        ),
        (
            "names.yaml",
            "targets:\n  - virtual_key: openai\n  - virtual_key: openai\n",
            "virtual_key",
        ),
        (
            "key.yaml",
            "targets:\n  - virtual_key: openai\nkeys:\n  - name: a\n    sha256: fgw_plain\n",
            "sha256",
        ),
    ] {
        let said = run(&["validate", &written(&folder, name, text)]);
        assert_eq!(said.code, 3, "{name}: {said:?}");
        assert!(said.err.contains(part), "{name}: {part:?} in {}", said.err);
        assert!(!said.err.contains(key), "{name}");
    }
    for name in ["config.toml", "config"] {
        let said = run(&["validate", &written(&folder, name, GOOD)]);
        assert!(matches!(said.code, 1 | 3), "{said:?}");
        assert!(
            said.err.contains("yaml") && said.err.contains("json"),
            "{said:?}"
        );
    }
    let missing = run(&["validate", "/nonexistent/config.yaml"]);
    assert!(
        matches!(missing.code, 1 | 3) && missing.err.contains("/nonexistent/config.yaml"),
        "{missing:?}"
    );
}

#[test]
fn a_secret_in_a_bad_config_is_not_repeated() {
    let folder = folder();
    let secret = "sk-live-0123456789abcdefghijklmn";
    let file = written(
        &folder,
        "bad.yaml",
        &format!("targets:\n  - virtual_key: openai\n    api_key: {secret}\n    nonsense: 1\n"),
    );
    let said = run(&["validate", &file]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(!format!("{said:?}").contains(secret), "{said:?}");

    let valid = written(
        &folder,
        "fine.yaml",
        &format!("targets:\n  - virtual_key: openai\n    api_key: {secret}\n"),
    );
    for format in ["table", "json", "yaml"] {
        let said = run(&["validate", &valid, "--format", format]);
        assert_eq!(said.code, 0, "{said:?}");
        assert!(!format!("{said:?}").contains(secret), "{format}: {said:?}");
    }
}

#[test]
fn serve_refuses_what_validate_refuses() {
    let folder = folder();
    let file = written(
        &folder,
        "bad.yaml",
        "targets:\n  - virtual_key: openai\n    wieght: 3\n",
    );
    let listen = free_address().to_string();
    for (args, env) in [
        (
            vec![
                "serve",
                "--listen",
                listen.as_str(),
                "--config",
                file.as_str(),
            ],
            vec![],
        ),
        (
            vec!["serve", "--listen", listen.as_str()],
            vec![("GATEWAY_CONFIG", file.as_str())],
        ),
    ] {
        let said = run_in(folder.path(), &args, &env);
        assert_eq!(said.code, 3, "{said:?}");
        assert!(
            said.err.contains(":3:") && said.err.contains("wieght"),
            "{said:?}"
        );
    }
}

#[test]
fn wrong_usage_has_its_own_exit_code_and_starts_nothing() {
    for args in [
        &["serv"][..],
        &["serve", "extra"],
        &["serve", "--no-such-flag"],
        &["validate"],
        &["validate", "a.yaml", "b.yaml"],
        &["version", "extra"],
        &["version", "--format", "xml"],
        &["serve", "--listen", "nonsense"],
    ] {
        let said = run(args);
        assert_eq!(said.code, 2, "{args:?}: {said:?}");
        assert_eq!(said.out, "", "{args:?}");
        assert!(!said.err.is_empty(), "{args:?}");
    }
    assert!(
        run(&["serv"]).err.contains("serve"),
        "a guess at what was meant"
    );
}

#[test]
fn version_says_what_this_is() {
    let table = run(&["version"]);
    assert_eq!(table.code, 0);
    let json: serde_json::Value =
        serde_json::from_str(&run(&["version", "--format", "json"]).out).expect("JSON");
    for name in ["version", "commit", "built", "os_arch"] {
        let value = json[name].as_str().unwrap_or_default();
        assert!(!value.is_empty(), "{name}: {json}");
        assert!(table.out.contains(value), "{name}: {}", table.out);
    }
    assert!(
        run(&["version", "--format", "JSON"]).out.starts_with('{'),
        "formats are named in any case"
    );
}

#[test]
fn the_schema_is_a_json_schema_of_the_config() {
    let said = run(&["config", "schema"]);
    assert_eq!(said.code, 0, "{said:?}");
    let schema: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert!(schema["$schema"].is_string(), "{schema}");
    for name in [
        "targets",
        "aliases",
        "keys",
        "server",
        "stream",
        "max_request_bytes",
        "request_timeout",
    ] {
        assert!(schema["properties"][name].is_object(), "{name}");
    }
}

#[test]
fn init_writes_a_config_that_validates_and_a_key_it_does_not_keep() {
    let folder = folder();
    let said = run_in(
        folder.path(),
        &["init"],
        &[("GROQ_API_KEY", "gsk_x"), ("OPENAI_API_KEY", "sk-x")],
    );
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.out, "", "the narrative goes to stderr");
    let path = folder.path().join("config.yaml");
    let text = std::fs::read_to_string(&path).expect("the file is there");
    assert_eq!(
        std::fs::metadata(&path)
            .expect("the file is there")
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    assert!(
        text.contains("virtual_key: groq") && text.contains("virtual_key: openai"),
        "{text}"
    );
    assert!(!text.contains("sk-x") && !text.contains("gsk_x"), "{text}");

    let key = said
        .err
        .split("MASTER_KEY=")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .expect("a key is shown");
    let digits = key.strip_prefix("fgw_").expect("the key's form");
    assert!(
        digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{key}"
    );
    assert!(!text.contains(key), "the key is kept nowhere");
    assert!(
        said.err.contains("GATEWAY_CONFIG") && said.err.contains("ferrogw serve"),
        "{}",
        said.err
    );
    assert_eq!(
        run(&["validate", path.to_str().expect("text")]).code,
        0,
        "{text}"
    );

    let again = run_in(folder.path(), &["init"], &[]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(
        again.err.contains("already exists") && !again.err.contains("MASTER_KEY="),
        "{}",
        again.err
    );
    assert_eq!(
        std::fs::read_to_string(&path).expect("the file is there"),
        text
    );
}

#[test]
fn init_without_keys_writes_a_placeholder_in_either_format() {
    let folder = folder();
    let yaml = run_in(folder.path(), &["init", "--output", "mine.yaml"], &[]);
    assert_eq!(yaml.code, 0, "{yaml:?}");
    let text = std::fs::read_to_string(folder.path().join("mine.yaml")).expect("the file is there");
    assert!(text.contains("virtual_key: openai"), "{text}");
    let json = run_in(folder.path(), &["init", "--config-format", "json"], &[]);
    assert_eq!(json.code, 0, "{json:?}");
    let text =
        std::fs::read_to_string(folder.path().join("config.json")).expect("the file is there");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["targets"][0]["virtual_key"], "openai");
    assert!(text.ends_with('\n'));
    for name in ["mine.yaml", "config.json"] {
        assert_eq!(
            run_in(folder.path(), &["validate", name], &[]).code,
            0,
            "{name}"
        );
    }
    assert_ne!(
        run_in(
            folder.path(),
            &["init", "--format", "json", "-o", "x.yaml"],
            &[]
        )
        .code,
        0,
        "init prints prose"
    );
}

/// A process that is killed when the test is over.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(args: &[&str], env: &[(&str, &str)]) -> Running {
    let mut command = command(args);
    command
        .envs(env.iter().copied())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    Running(command.spawn().expect("the binary can be run"))
}

#[test]
fn the_demo_needs_nothing_and_answers() {
    let addr = free_address();
    let listen = addr.to_string();
    let _demo = start(
        &["demo", "--listen", &listen],
        &[("MASTER_KEY", "fgw_demo")],
    );
    eventually("the demo is up", || {
        Call::get("/readyz")
            .try_send(addr)
            .is_ok_and(|answer| answer.status() == 200)
            .then_some(())
    });
    let models = Call::get("/v1/models").bearer("fgw_demo").send(addr).json();
    let model = models["data"][0]["id"]
        .as_str()
        .expect("a model")
        .to_owned();
    let answer = Call::chat(ferrogw_tests::chat_body(&model))
        .bearer("fgw_demo")
        .send(addr);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(
        Call::chat(ferrogw_tests::stream_body(&model))
            .bearer("fgw_demo")
            .send(addr)
            .text()
            .contains("[DONE]")
    );
}

#[test]
fn the_mock_is_a_vendor_by_itself() {
    let addr = free_address();
    let listen = addr.to_string();
    let _mock = start(&["mock", "--listen", &listen], &[]);
    eventually("the mock is up", || {
        Call::get("/_mock/stats")
            .try_send(addr)
            .is_ok_and(|answer| answer.status() == 200)
            .then_some(())
    });
    assert_eq!(
        Call::chat(ferrogw_tests::chat_body("m"))
            .send(addr)
            .status(),
        200
    );
}

#[test]
fn bare_ferrogw_serves() {
    let addr = free_address();
    let listen = addr.to_string();
    let port = addr.port().to_string();
    for (args, env) in [
        (vec!["--listen", listen.as_str()], vec![]),
        (vec![], vec![("PORT", port.as_str())]),
    ] {
        let running = start(&args, &env);
        eventually("it serves", || {
            Call::get("/livez")
                .try_send(addr)
                .is_ok_and(|answer| answer.status() == 200)
                .then_some(())
        });
        drop(running);
    }
}

/// Scripts tell a wrong configuration from a machine that does not play along.
#[test]
fn whatever_is_wrong_with_the_configuration_ends_a_start_alike() {
    let folder = folder();
    let config = |name: &str, text: &str| written(&folder, name, text);
    let target = "targets:\n  - virtual_key: openai\n    api_key: sk-x\n";
    let tls = "server:\n  tls:\n    cert_file: /nonexistent/cert.pem\n    key_file: /nonexistent/key.pem\n";
    let good = config("good.yaml", target);
    let authority = config(
        "authority.yaml",
        &format!("{target}    ca_file: /nonexistent/ca.pem\n"),
    );
    let variable = config(
        "variable.yaml",
        "targets:\n  - virtual_key: openai\n    api_key: ${NOT_SET}\n",
    );
    let certificate = config("certificate.yaml", &format!("{target}{tls}"));
    for (file, env, named) in [
        (&authority, ("X", "x"), "/nonexistent/ca.pem"),
        (&variable, ("X", "x"), "NOT_SET"),
        (&certificate, ("X", "x"), "/nonexistent/cert.pem"),
        (&good, ("PORT", "http"), "PORT"),
        (&good, ("TRUSTED_PROXIES", "everyone"), "TRUSTED_PROXIES"),
    ] {
        let listen = free_address().to_string();
        let args = ["serve", "--listen", &listen, "--config", file.as_str()];
        let said = run_in(folder.path(), &args, &[env]);
        assert_eq!(said.code, 3, "{named}: {said:?}");
        assert!(said.err.contains(named), "{named}: {said:?}");
    }
}

#[test]
fn explain_works_on_the_config_alone() {
    let folder = folder();
    let config = written(
        &folder,
        "gw.yaml",
        "strategy: {mode: fallback}
targets:
  - {virtual_key: openai, api_key: '${NOT_SET_ANYWHERE}'}
  - {virtual_key: sealed, provider: openai-compatible, base_url: '${NOR_THIS}', api_key: 'file:/nonexistent', models: {gpt-4o: {id: own, input_price: 1, output_price: 2}}}
  - {virtual_key: groq}
keys:
  - {name: search, sha256: 'a11872c91ee8228bbb840b6e0749d98a8b536f6b3b3df942933b9e959692e5e7', metadata: {team: research}}
routes:
  - {name: research, match: {metadata: {team: 're*'}, headers: {x-tier: gold}}, strategy: {mode: single}, targets: [sealed]}
",
    );
    let body = written(
        &folder,
        "call.json",
        r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}"#,
    );
    let said = run(&["explain", &body, "--config", &config]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    for part in [
        "goes to    openai (openai, gpt-4o): in the order written",
        "then       sealed (openai-compatible, own)",
        "not        groq: it does not serve the model",
        "fallback by the global strategy",
    ] {
        assert!(said.out.contains(part), "{part}\n{}", said.out);
    }
    let as_key = [
        "--key",
        "search",
        "--header",
        "X-Tier: gold",
        "--format",
        "json",
    ];
    let args = [&["explain", &body, "-c", &config][..], &as_key].concat();
    let value: serde_json::Value = serde_json::from_str(&run(&args).out).expect("JSON on stdout");
    assert_eq!(value["decided"][0]["route"], "research");
    assert_eq!(value["candidates"][0]["target"], "sealed");
    for (args, code, part) in [
        (&["explain", &body][..], 1, "--config"),
        (
            &["explain", "/nonexistent.json", "-c", &config],
            1,
            "/nonexistent.json",
        ),
        (
            &["explain", &body, "-c", &config, "--key", "nobody"],
            1,
            "no key `nobody`",
        ),
        (
            &["explain", &body, "-c", &config, "--header", "x"],
            1,
            "Name: value",
        ),
        (
            &["explain", &config, "-c", &config],
            1,
            "expected a JSON object",
        ),
        (&["explain", &body, "-c", &body], 3, "unknown key"),
    ] {
        let said = run(args);
        assert_eq!(said.code, code, "{args:?}: {said:?}");
        assert!(said.err.contains(part), "{args:?}: {said:?}");
    }
}
