//! The built-in vendors: the table as a whole, and the names that operators already use.
#![expect(
    clippy::panic,
    reason = "what a test needs and does not find fails the test"
)]

use std::collections::HashMap;

use providers::{
    Auth, KeyNeed, Provider, Surface, Vars, base_url, builtin, credentials_from_env, detect,
    endpoint, missing_from_env,
};

fn get(id: &str) -> &'static Provider {
    builtin().get(id).unwrap_or_else(|| panic!("no row {id}"))
}

fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    let map: HashMap<&str, &str> = pairs.iter().copied().collect();
    move |name| map.get(name).map(|value| (*value).to_owned())
}

#[test]
fn every_row_makes_sense_and_they_stand_in_order() {
    let ids: Vec<&str> = builtin().ids().collect();
    assert!(ids.len() >= 60, "{}", ids.len());
    assert!(
        ids.windows(2).all(|pair| pair[0] < pair[1]),
        "ids are unique and sorted: {ids:?}"
    );
    for provider in builtin() {
        assert_eq!(provider.defects(), [], "{}", provider.id);
        assert!(!provider.name.is_empty(), "{}", provider.id);
        assert!(
            provider.serves(Surface::Chat) && provider.serves(Surface::ChatStream),
            "{}",
            provider.id
        );
        let findable = !provider.env.api_key.is_empty() || provider.env.base_url_required;
        assert!(
            findable,
            "{} cannot be set up from the environment",
            provider.id
        );
        assert_eq!(builtin().get(&provider.id), Some(provider));
    }
    assert_eq!(builtin().get("nobody"), None);
}

#[test]
fn no_two_vendors_are_found_by_the_same_variable() {
    let mut seen = HashMap::new();
    for provider in builtin() {
        let names = provider
            .env
            .api_key
            .iter()
            .chain(&provider.env.base_url)
            .chain(&provider.env.models.env);
        for name in names {
            if let Some(other) = seen.insert(name.clone(), &provider.id) {
                panic!("{name} belongs to {other} and {}", provider.id);
            }
        }
    }
}

/// Names, roots and schemes that configs and deployments out there rely on.
#[test]
fn the_vendors_of_the_specification_keep_their_names() {
    let by_key = [
        ("ai21", "AI21", "https://api.ai21.com/studio/v1"),
        ("cerebras", "CEREBRAS", "https://api.cerebras.ai/v1"),
        (
            "cloudflare",
            "CLOUDFLARE",
            "https://api.cloudflare.com/client/v4/accounts/v/ai/v1",
        ),
        (
            "deepinfra",
            "DEEPINFRA",
            "https://api.deepinfra.com/v1/openai",
        ),
        ("deepseek", "DEEPSEEK", "https://api.deepseek.com/v1"),
        (
            "fireworks",
            "FIREWORKS",
            "https://api.fireworks.ai/inference/v1",
        ),
        ("groq", "GROQ", "https://api.groq.com/openai/v1"),
        ("mistral", "MISTRAL", "https://api.mistral.ai/v1"),
        ("moonshot", "MOONSHOT", "https://api.moonshot.ai/v1"),
        ("novita", "NOVITA", "https://api.novita.ai/openai/v1"),
        (
            "nvidia-nim",
            "NVIDIA_NIM",
            "https://integrate.api.nvidia.com/v1",
        ),
        ("openai", "OPENAI", "https://api.openai.com/v1"),
        ("openrouter", "OPENROUTER", "https://openrouter.ai/api/v1"),
        ("perplexity", "PERPLEXITY", "https://api.perplexity.ai"),
        (
            "qwen",
            "QWEN",
            "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        ),
        ("sambanova", "SAMBANOVA", "https://api.sambanova.ai/v1"),
        ("together", "TOGETHER", "https://api.together.ai/v1"),
        ("xai", "XAI", "https://api.x.ai/v1"),
    ];
    let regular = by_key.map(|(id, stem, root)| {
        (
            id,
            format!("{stem}_API_KEY"),
            format!("{stem}_BASE_URL"),
            root,
        )
    });
    let odd = [
        (
            "azure-foundry",
            "AZURE_FOUNDRY_API_KEY",
            "AZURE_FOUNDRY_ENDPOINT",
            "https://v.services.ai.azure.com/openai/v1",
        ),
        (
            "azure-openai",
            "AZURE_OPENAI_API_KEY",
            "AZURE_OPENAI_ENDPOINT",
            "https://v.openai.azure.com/openai/v1",
        ),
        (
            "databricks",
            "DATABRICKS_TOKEN",
            "DATABRICKS_HOST",
            "https://v/serving-endpoints",
        ),
        (
            "hugging-face",
            "HUGGING_FACE_API_KEY",
            "HUGGING_FACE_ENDPOINT",
            "https://router.huggingface.co/v1",
        ),
        ("ollama", "", "OLLAMA_HOST", "http://localhost:11434/v1"),
        (
            "ollama-cloud",
            "OLLAMA_API_KEY",
            "OLLAMA_CLOUD_BASE_URL",
            "https://ollama.com/v1",
        ),
    ]
    .map(|(id, key, base, root)| (id, key.to_owned(), base.to_owned(), root));
    let all: Vec<_> = regular.into_iter().chain(odd).collect();
    assert_eq!(all.len(), 24);
    for (id, key, base, root) in all {
        let provider = get(id);
        let keys = if key.is_empty() { vec![] } else { vec![key] };
        assert_eq!(provider.env.api_key, keys, "{id}");
        assert_eq!(
            provider.env.base_url.as_deref(),
            Some(base.as_str()),
            "{id}"
        );
        let vars: Vars = provider
            .env
            .vars
            .keys()
            .map(|name| (name.clone(), "v".to_owned()))
            .collect();
        assert_eq!(
            base_url(provider, None, None, &vars).unwrap().as_str(),
            root,
            "{id}"
        );
        let as_it_should = match id {
            "azure-openai" | "azure-foundry" => matches!(provider.auth, Auth::Entra(_)),
            "databricks" => provider.auth == Auth::Databricks,
            _ => provider.auth == Auth::Bearer,
        };
        assert!(as_it_should, "{id}: {:?}", provider.auth);
        let need = if id == "ollama" {
            KeyNeed::Optional
        } else {
            KeyNeed::Required
        };
        assert_eq!(provider.key, need, "{id}");
    }
}

#[test]
fn surfaces_of_the_specification_are_served() {
    use Surface::{
        Batches, Embeddings, Files, Images, Passthrough, Rerank, Speech, Transcription, Translation,
    };
    for (id, surfaces) in [
        (
            "azure-openai",
            &[
                Embeddings,
                Images,
                Transcription,
                Translation,
                Speech,
                Files,
                Batches,
            ][..],
        ),
        ("cloudflare", &[Embeddings, Passthrough]),
        ("databricks", &[Embeddings, Passthrough]),
        (
            "deepinfra",
            &[
                Embeddings,
                Images,
                Transcription,
                Translation,
                Speech,
                Passthrough,
            ],
        ),
        (
            "groq",
            &[
                Transcription,
                Translation,
                Speech,
                Files,
                Batches,
                Passthrough,
            ],
        ),
        ("novita", &[Embeddings, Files, Batches, Passthrough]),
        (
            "openai",
            &[
                Embeddings,
                Images,
                Transcription,
                Translation,
                Speech,
                Files,
                Batches,
                Surface::Moderations,
            ],
        ),
        ("qwen", &[Embeddings, Files, Batches, Passthrough]),
        (
            "sambanova",
            &[Embeddings, Transcription, Translation, Passthrough],
        ),
        (
            "together",
            &[
                Embeddings,
                Images,
                Transcription,
                Translation,
                Speech,
                Rerank,
                Passthrough,
            ],
        ),
        ("xai", &[Images, Passthrough]),
    ] {
        for surface in surfaces {
            assert!(get(id).serves(*surface), "{id} {}", surface.label());
        }
    }
    assert!(!get("ollama-cloud").serves(Passthrough));
}

#[test]
fn a_vendor_is_there_when_every_required_variable_says_something() {
    let cloudflare = get("cloudflare");
    assert_eq!(
        missing_from_env(cloudflare, &env(&[])),
        ["CLOUDFLARE_API_KEY", "CLOUDFLARE_ACCOUNT_ID"]
    );
    let half = [
        ("CLOUDFLARE_API_KEY", "k"),
        ("CLOUDFLARE_ACCOUNT_ID", " "),
        ("CLOUDFLARE_BASE_URL", "https://x.test/v1"),
    ];
    assert_eq!(credentials_from_env(cloudflare, &env(&half)), None);
    let whole = [
        ("CLOUDFLARE_API_KEY", " k\n"),
        ("CLOUDFLARE_ACCOUNT_ID", "a1"),
    ];
    let found = credentials_from_env(cloudflare, &env(&whole)).unwrap();
    assert_eq!(
        (found.api_key.as_deref(), found.base_url),
        (Some("k"), None)
    );
    assert_eq!(found.vars["account_id"], "a1");

    let zai = get("zai");
    assert_eq!(
        missing_from_env(zai, &env(&[])),
        ["ZAI_API_KEY or ZHIPU_API_KEY"]
    );
    let both = [("ZHIPU_API_KEY", "second"), ("ZAI_API_KEY", "first")];
    assert_eq!(
        credentials_from_env(zai, &env(&both))
            .unwrap()
            .api_key
            .as_deref(),
        Some("first")
    );
}

/// Row 23: who has Entra ID's tokens, or a service principal, needs no key.
#[test]
fn row_23_a_clouds_identity_stands_in_for_a_key() {
    let azure = get("azure-openai");
    let application = [
        ("AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com"),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_CLIENT_SECRET", "s"),
    ];
    assert_eq!(missing_from_env(azure, &env(&application)), [""; 0]);
    assert_eq!(
        missing_from_env(azure, &env(&application[..3])),
        ["AZURE_OPENAI_API_KEY"]
    );
    assert_eq!(
        credentials_from_env(azure, &env(&application))
            .unwrap()
            .api_key,
        None
    );
    let principal = [
        ("DATABRICKS_HOST", "dbc-1.cloud.databricks.com"),
        ("DATABRICKS_CLIENT_ID", "c"),
        ("DATABRICKS_CLIENT_SECRET", "s"),
    ];
    let found = |pairs: &[(&str, &str)]| -> Vec<&str> {
        let found = detect(&env(pairs));
        found.iter().map(|row| row.id.as_str()).collect()
    };
    assert_eq!(found(&principal), ["databricks"]);
    assert_eq!(found(&principal[1..]), [""; 0]);
    // An identity by itself is no wish to use a vendor.
    assert_eq!(found(&application[1..]), [""; 0]);
}

#[test]
fn keys_are_never_printed() {
    let found =
        credentials_from_env(get("openai"), &env(&[("OPENAI_API_KEY", "sk-secret")])).unwrap();
    assert!(!format!("{found:?}").contains("secret"), "{found:?}");
}

#[test]
fn vendors_are_found_in_table_order_and_local_ones_only_by_their_address() {
    let find = |pairs: &[(&str, &str)]| -> Vec<&str> {
        detect(&env(pairs))
            .iter()
            .map(|row| row.id.as_str())
            .collect()
    };
    assert_eq!(find(&[]), [""; 0]);
    assert_eq!(
        find(&[
            ("OPENAI_API_KEY", "a"),
            ("GROQ_API_KEY", "b"),
            ("XAI_API_KEY", "")
        ]),
        ["groq", "openai"]
    );
    // A key alone does not say that a server runs here.
    assert_eq!(find(&[("VLLM_API_KEY", "k")]), [""; 0]);
    assert_eq!(
        find(&[
            ("VLLM_BASE_URL", "http://gpu:8000"),
            ("OLLAMA_HOST", "box:11434")
        ]),
        ["ollama", "vllm"]
    );
    assert_eq!(find(&[("OLLAMA_API_KEY", "k")]), ["ollama-cloud"]);
    // Set on many machines for other reasons.
    assert_eq!(
        find(&[("WANDB_API_KEY", "k"), ("DIGITALOCEAN_ACCESS_TOKEN", "k")]),
        [""; 0]
    );
    assert!(credentials_from_env(get("wandb"), &env(&[("WANDB_API_KEY", "k")])).is_some());

    let azure = [
        ("AZURE_OPENAI_API_KEY", "k"),
        ("AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com"),
    ];
    assert_eq!(find(&azure), [""; 0]);
    let named = [azure[0], azure[1], ("AZURE_OPENAI_DEPLOYMENT", "prod")];
    assert_eq!(find(&named), ["azure-openai"]);
    let found = credentials_from_env(get("azure-openai"), &env(&named)).unwrap();
    assert_eq!(found.models, ["prod"]);
}

#[test]
fn every_vendor_can_be_found_by_its_own_variables() {
    for provider in builtin().iter().filter(|provider| !provider.env.explicit) {
        let names = &provider.env;
        let vars = names.vars.values().filter_map(|source| source.env.as_ref());
        let set: Vec<&String> = names
            .api_key
            .iter()
            .chain(&names.base_url)
            .chain(vars)
            .chain(&names.models.env)
            .collect();
        let env = |name: &str| {
            set.iter()
                .any(|known| *known == name)
                .then(|| "http://x.test".to_owned())
        };
        let found: Vec<&str> = detect(&env).iter().map(|row| row.id.as_str()).collect();
        assert_eq!(found, [provider.id.as_str()]);
    }
}

#[test]
fn configured_models_replace_the_rows_own_and_paths_are_no_models() {
    let models = |id: &str, pairs: &[(&str, &str)]| {
        credentials_from_env(get(id), &env(pairs)).unwrap().models
    };
    let host = ("OLLAMA_HOST", "box");
    assert_eq!(models("ollama", &[host]), ["llama3.2"]);
    assert_eq!(
        models("ollama", &[host, ("OLLAMA_MODELS", "a, b:7b ,,a")]),
        ["a", "b:7b"]
    );
    assert_eq!(
        models(
            "ollama",
            &[
                host,
                ("OLLAMA_MODELS", "b"),
                ("FERRO_OLLAMA_MODELS", "hf.co/x/y")
            ]
        ),
        ["hf.co/x/y"]
    );
    for folder in [
        "/var/lib/ollama",
        "~/models",
        "./m",
        r"C:\models",
        "d:/models",
        r"\\host\m",
    ] {
        assert_eq!(
            models("ollama", &[host, ("OLLAMA_MODELS", folder)]),
            ["llama3.2"],
            "{folder}"
        );
    }
    assert_eq!(models("ollama-cloud", &[("OLLAMA_API_KEY", "k")]).len(), 4);
    assert_eq!(
        models(
            "ollama-cloud",
            &[("OLLAMA_API_KEY", "k"), ("OLLAMA_CLOUD_MODELS", "x")]
        ),
        ["x"]
    );
}

#[test]
fn every_surface_of_every_row_has_an_address() {
    for provider in builtin() {
        let vars: Vars = provider
            .env
            .vars
            .keys()
            .map(|name| (name.clone(), "v1".to_owned()))
            .collect();
        for region in
            std::iter::once(None).chain(provider.regions.keys().map(|name| Some(name.as_str())))
        {
            let base = base_url(provider, None, region, &vars).unwrap();
            for surface in &provider.surfaces {
                let url = endpoint(provider, *surface, &base, "m", &vars).unwrap();
                assert!(
                    url.parse::<http::Uri>().is_ok() && !url.contains(['{', '}']),
                    "{url}"
                );
            }
        }
    }
}
