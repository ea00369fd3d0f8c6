use super::*;
use crate::table::builtin;

fn vars(pairs: &[(&str, &str)]) -> Vars {
    pairs
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn root(id: &str, given: &str) -> Result<String, BadBaseUrl> {
    let vars = vars(&[("account_id", "acc1")]);
    base_url(builtin().get(id).unwrap(), Some(given), None, &vars)
        .map(|base| base.as_str().to_owned())
}

#[test]
fn what_an_operator_writes_becomes_a_root() {
    for (id, given, expected) in [
        // Nothing: the row's own root.
        ("openai", "", "https://api.openai.com/v1"),
        ("openai", "  ", "https://api.openai.com/v1"),
        // A bare host takes the whole path of the row's own root.
        (
            "groq",
            "https://api.groq.com",
            "https://api.groq.com/openai/v1",
        ),
        (
            "groq",
            "https://api.groq.com///",
            "https://api.groq.com/openai/v1",
        ),
        (
            "openai",
            " https://proxy.corp:8443/ ",
            "https://proxy.corp:8443/v1",
        ),
        ("deepinfra", "http://10.0.0.1", "http://10.0.0.1/v1/openai"),
        (
            "perplexity",
            "https://api.perplexity.ai/",
            "https://api.perplexity.ai",
        ),
        (
            "hugging-face",
            "https://router.huggingface.co",
            "https://router.huggingface.co/v1",
        ),
        (
            "cloudflare",
            "https://cf.test",
            "https://cf.test/client/v4/accounts/acc1/ai/v1",
        ),
        ("zai", "https://z.test", "https://z.test/api/paas/v4"),
        (
            "openai-compatible",
            "http://[::1]:8000",
            "http://[::1]:8000/v1",
        ),
        // Any path is taken as it stands.
        (
            "openai",
            "https://proxy.corp/llm/",
            "https://proxy.corp/llm",
        ),
        (
            "openai",
            "HTTPS://proxy.corp/V2/x%20y",
            "https://proxy.corp/V2/x%20y",
        ),
        ("groq", "https://api.groq.com/v1", "https://api.groq.com/v1"),
        // Ollama's own variable: a server, with or without scheme and port.
        ("ollama", "", "http://localhost:11434/v1"),
        ("ollama", "box", "http://box:11434/v1"),
        ("ollama", "0.0.0.0:11434", "http://0.0.0.0:11434/v1"),
        ("ollama", "http://box", "http://box/v1"),
        ("ollama", "https://ollama.corp/", "https://ollama.corp/v1"),
        ("ollama", "box/ollama", "http://box:11434/ollama/v1"),
        ("ollama", "http://box:1/v1/", "http://box:1/v1"),
        ("ollama", "http://box:1/api", "http://box:1/v1"),
        ("ollama", "[::1]", "http://[::1]:11434/v1"),
        ("vllm", "gpu1:8000", "http://gpu1:8000/v1"),
        // Databricks: hosts and whole endpoints.
        (
            "databricks",
            "x.cloud.databricks.com",
            "https://x.cloud.databricks.com/serving-endpoints",
        ),
        (
            "databricks",
            "https://x.test",
            "https://x.test/serving-endpoints",
        ),
        (
            "databricks",
            "https://x.test/serving-endpoints/",
            "https://x.test/serving-endpoints",
        ),
        (
            "databricks",
            "https://x.test/serving-endpoints/chat/completions",
            "https://x.test/serving-endpoints",
        ),
        (
            "databricks",
            "https://x.test/chat/completions/models",
            "https://x.test/serving-endpoints",
        ),
        (
            "databricks",
            "https://x.test/proxy",
            "https://x.test/proxy/serving-endpoints",
        ),
        // Azure: the resource's host, in the forms that its pages show.
        (
            "azure-openai",
            "https://res.openai.azure.com",
            "https://res.openai.azure.com/openai/v1",
        ),
        (
            "azure-openai",
            "https://res.openai.azure.com/",
            "https://res.openai.azure.com/openai/v1",
        ),
        (
            "azure-openai",
            "https://res.openai.azure.com/openai",
            "https://res.openai.azure.com/openai/v1",
        ),
        (
            "azure-openai",
            "https://res.openai.azure.com/openai/v1/",
            "https://res.openai.azure.com/openai/v1",
        ),
        (
            "azure-openai",
            "https://res.cognitiveservices.azure.com/openai/deployments/prod-4o/chat/completions",
            "https://res.cognitiveservices.azure.com/openai/v1",
        ),
        (
            "azure-openai",
            "https://res.openai.azure.com/openai/v1/chat/completions",
            "https://res.openai.azure.com/openai/v1",
        ),
        (
            "azure-foundry",
            "https://res.services.ai.azure.com/api/projects/p1",
            "https://res.services.ai.azure.com/api/projects/p1/openai/v1",
        ),
        (
            "azure-foundry",
            "https://res.services.ai.azure.com/anthropic",
            "https://res.services.ai.azure.com/openai/v1",
        ),
        (
            "azure-foundry",
            "https://res.services.ai.azure.com/models",
            "https://res.services.ai.azure.com/openai/v1",
        ),
        (
            "azure-foundry",
            "https://res.services.ai.azure.com",
            "https://res.services.ai.azure.com/openai/v1",
        ),
        // Places are filled in what the operator writes as well.
        (
            "cloudflare",
            "https://gw.test/{account_id}/v1",
            "https://gw.test/acc1/v1",
        ),
    ] {
        assert_eq!(root(id, given).as_deref(), Ok(expected), "{id} {given}");
    }
}

#[test]
fn what_is_no_root_is_refused_with_a_reason() {
    for (given, reason) in [
        ("proxy.corp", "must begin with https:// or http://"),
        ("localhost:8080", "must begin with https:// or http://"),
        ("ftp://proxy.corp", "must begin with https:// or http://"),
        ("https://", "has no valid host"),
        ("https:///v1", "has no valid host"),
        ("https://a b/v1", "has no valid host"),
        ("https://host:port/v1", "has no valid host"),
        ("https://host:99999", "has no valid host"),
        ("https://host:/v1", "has no valid host"),
        ("https://proxy.corp/v1?key=1", "must not have a query (`?`)"),
        ("https://proxy.corp?", "must not have a query (`?`)"),
        ("https://proxy.corp/v1#", "must not have a fragment (`#`)"),
        ("https://proxy.corp/a/../v1", "dot segment"),
        ("https://proxy.corp/a//v1", "empty segment"),
        ("https://proxy.corp/a b", "must be escaped"),
        ("https://proxy.corp/a\\b", "must be escaped"),
        ("https://proxy.corp/a\nb", "must be escaped"),
        ("https://{host}/v1", "needs `host`"),
    ] {
        let Err(problem) = root("openai", given) else {
            panic!("{given} was accepted")
        };
        assert!(problem.to_string().contains(reason), "{given}: {problem}");
    }
}

#[test]
fn places_are_filled_from_variables_and_nothing_else() {
    let cloudflare = builtin().get("cloudflare").unwrap();
    let with = |value: &str| base_url(cloudflare, None, None, &vars(&[("account_id", value)]));
    assert_eq!(
        with("a-1").unwrap().as_str(),
        "https://api.cloudflare.com/client/v4/accounts/a-1/ai/v1"
    );
    let missing = base_url(cloudflare, None, None, &Vars::new()).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "cloudflare needs `account_id` to know its address; set it, or set base_url"
    );
    for value in ["a/b", "..", "a?b", "a b", "a%2f"] {
        assert!(
            matches!(with(value), Err(BadBaseUrl::Value { .. })),
            "{value}"
        );
    }
}

#[test]
fn regions_are_other_roots_of_the_same_vendor() {
    let qwen = builtin().get("qwen").unwrap();
    let of = |region| base_url(qwen, None, Some(region), &Vars::new());
    assert_eq!(
        of("cn").unwrap().as_str(),
        "https://dashscope.aliyuncs.com/compatible-mode/v1"
    );
    assert_eq!(
        of("mars").unwrap_err().to_string(),
        "qwen has no region `mars` (it has: cn, us)"
    );
    let groq = base_url(
        builtin().get("groq").unwrap(),
        None,
        Some("eu"),
        &Vars::new(),
    )
    .unwrap_err();
    assert_eq!(groq.to_string(), "groq has no region `eu` (it has: none)");
}

#[test]
fn a_password_is_kept_apart_and_never_shown() {
    let openai = builtin().get("openai").unwrap();
    let base = base_url(
        openai,
        Some("https://user:s3cret@proxy.corp/v1"),
        None,
        &Vars::new(),
    )
    .unwrap();
    assert_eq!(base.as_str(), "https://proxy.corp/v1");
    assert_eq!(
        base.basic_authorization().as_deref(),
        Some("Basic dXNlcjpzM2NyZXQ=")
    );
    assert!(!format!("{base:?} {base}").contains("s3cret"));
    let problem = root("openai", "https://user:s3cret@proxy.corp/v1?x").unwrap_err();
    assert_eq!(
        problem.to_string(),
        "base url `https://***@proxy.corp/v1?x` must not have a query (`?`)"
    );
    let problem = root("openai", "user:s3cret@proxy.corp").unwrap_err();
    assert!(!problem.to_string().contains("s3cret"), "{problem}");
}
