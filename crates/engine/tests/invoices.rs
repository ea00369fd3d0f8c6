//! Golden invoices: what vendors count, priced from the catalog that ships, against totals that were
//! worked out apart from this code to the pico-dollar.
//!
//! The arithmetic stands above each: quantities and dollars for a million (µ) or for one, with the
//! source that the catalog names for the price. When the catalog is renewed and a price has
//! changed, the sum here is to be worked out anew.

use catalog::{Catalog, Day, ImageKind, Metered};
use engine::cost::metered;
use wire::usage::Usage;

enum Used {
    /// A usage object as the vendor sends it.
    Counted(&'static str),
    /// What a surface measures.
    Measured(Metered),
}

struct Invoice {
    provider: &'static str,
    model: &'static str,
    used: Used,
    total: &'static str,
}

fn invoice(
    provider: &'static str,
    model: &'static str,
    used: Used,
    total: &'static str,
) -> Invoice {
    Invoice {
        provider,
        model,
        used,
        total,
    }
}

fn kind(size: &str, quality: &str) -> ImageKind {
    ImageKind {
        size: size.into(),
        quality: quality.into(),
    }
}

fn invoices() -> Vec<Invoice> {
    vec![
        // 86 × 2.5 µ + 1,920 × 1.25 µ + 300 × 10 µ = 0.005615
        // https://developers.openai.com/api/docs/pricing
        invoice(
            "openai",
            "gpt-4o",
            Used::Counted(
                r#"{"prompt_tokens":2006,"completion_tokens":300,"prompt_tokens_details":{"cached_tokens":1920},"completion_tokens_details":{"reasoning_tokens":0}}"#,
            ),
            "0.005615",
        ),
        // 1,000 × 0.075 µ + 500 × 0.3 µ = 0.000225
        // https://developers.openai.com/api/docs/pricing
        invoice(
            "openai",
            "gpt-4o-mini",
            Used::Counted(
                r#"{"prompt_tokens":1000,"completion_tokens":500,"service_tier":"batch"}"#,
            ),
            "0.000225",
        ),
        // 75 × 2 µ + 1,186 × 8 µ = 0.009638
        // https://developers.openai.com/api/docs/pricing
        invoice(
            "openai",
            "o3",
            Used::Counted(
                r#"{"prompt_tokens":75,"completion_tokens":1186,"completion_tokens_details":{"reasoning_tokens":1024}}"#,
            ),
            "0.009638",
        ),
        // 200,000 × 10 µ + 100,000 × 1 µ + 1,000 × 45 µ = 2.145
        // https://developers.openai.com/api/docs/pricing
        invoice(
            "openai",
            "gpt-5.5",
            Used::Counted(
                r#"{"prompt_tokens":300000,"completion_tokens":1000,"prompt_tokens_details":{"cached_tokens":100000}}"#,
            ),
            "2.145",
        ),
        // 272,000 × 2.5 µ + 1,000 × 15 µ = 0.695
        // https://developers.openai.com/api/docs/pricing
        invoice(
            "openai",
            "gpt-5.5",
            Used::Counted(
                r#"{"prompt_tokens":272000,"completion_tokens":1000,"service_tier":"flex"}"#,
            ),
            "0.695",
        ),
        // 1,000 × 4 µ + 1,000 × 0.4 µ + 3,000 × 5 µ + 200 × 20 µ = 0.0234
        // https://developers.openai.com/api/docs/pricing
        invoice(
            "openai",
            "gpt-5.6-sol",
            Used::Counted(
                r#"{"prompt_tokens":5000,"completion_tokens":200,"prompt_tokens_details":{"cached_tokens":1000,"cache_write_tokens":3000}}"#,
            ),
            "0.0234",
        ),
        // 300 × 2.5 µ + 1,200 × 32 µ + 200 × 10 µ + 700 × 64 µ = 0.08595
        // https://developers.openai.com/api/docs/pricing
        invoice(
            "openai",
            "gpt-audio",
            Used::Counted(
                r#"{"prompt_tokens":1500,"completion_tokens":900,"prompt_tokens_details":{"audio_tokens":1200},"completion_tokens_details":{"audio_tokens":700}}"#,
            ),
            "0.08595",
        ),
        // 60 × 2 µ + 323 × 2.5 µ + 1,056 × 8 µ = 0.0093755
        // https://developers.openai.com/api/docs/pricing
        invoice(
            "openai",
            "gpt-image-1-mini",
            Used::Measured(Metered {
                images: 1,
                uncached_in: 60,
                image_in: 323,
                image_out: 1056,
                ..Metered::default()
            }),
            "0.0093755",
        ),
        // 95.5 × 0.0001 = 0.00955
        // https://developers.openai.com/api/docs/pricing
        invoice(
            "openai",
            "whisper-1",
            Used::Measured(Metered {
                millis_in: 95_500,
                ..Metered::default()
            }),
            "0.00955",
        ),
        // 4,096 × 15 µ = 0.06144
        // https://developers.openai.com/api/docs/pricing
        invoice(
            "openai",
            "tts-1",
            Used::Measured(Metered {
                characters: 4_096,
                ..Metered::default()
            }),
            "0.06144",
        ),
        // 8,191 × 0.02 µ = 0.00016382
        // https://developers.openai.com/api/docs/pricing
        invoice(
            "openai",
            "text-embedding-3-small",
            Used::Counted(r#"{"prompt_tokens":8191,"total_tokens":8191}"#),
            "0.00016382",
        ),
        // 21 × 3 µ + 188,086 × 0.3 µ + 4,000 × 3.75 µ + 2,000 × 6 µ + 393 × 15 µ = 0.0893838
        // https://platform.claude.com/docs/en/about-claude/pricing
        invoice(
            "anthropic",
            "claude-sonnet-4-5",
            Used::Counted(
                r#"{"input_tokens":21,"cache_creation_input_tokens":6000,"cache_read_input_tokens":188086,"output_tokens":393,"cache_creation":{"ephemeral_5m_input_tokens":4000,"ephemeral_1h_input_tokens":2000},"service_tier":"standard"}"#,
            ),
            "0.0893838",
        ),
        // 1,000 × 5 µ + 800 × 25 µ + 3 × 0.01 = 0.055
        // https://platform.claude.com/docs/en/about-claude/pricing
        invoice(
            "anthropic",
            "claude-opus-5",
            Used::Counted(
                r#"{"input_tokens":1000,"output_tokens":800,"output_tokens_details":{"reasoning_tokens":500},"server_tool_use":{"web_search_requests":3}}"#,
            ),
            "0.055",
        ),
        // 20,000 × 0.5 µ + 80,001 × 0.05 µ + 100 × 2.5 µ = 0.01425005
        // https://platform.claude.com/docs/en/models/haiku-5-5/overview
        invoice(
            "anthropic",
            "claude-haiku-5-5",
            Used::Counted(
                r#"{"input_tokens":20000,"cache_read_input_tokens":80001,"output_tokens":100}"#,
            ),
            "0.01425005",
        ),
        // 200,001 × 2.5 µ + 1,500 × 15 µ = 0.5225025
        // https://ai.google.dev/gemini-api/docs/pricing
        invoice(
            "gemini",
            "gemini-2.5-pro",
            Used::Counted(
                r#"{"prompt_tokens":200001,"completion_tokens":1500,"completion_tokens_details":{"reasoning_tokens":1200}}"#,
            ),
            "0.5225025",
        ),
        // 50 × 0.3 µ + 200 × 0.03 µ + 960 × 1 µ + 100 × 2.5 µ + 240 × 2.5 µ = 0.001831
        // https://ai.google.dev/gemini-api/docs/pricing
        invoice(
            "gemini",
            "gemini-2.5-flash",
            Used::Counted(
                r#"{"prompt_tokens":1210,"completion_tokens":340,"prompt_tokens_details":{"cached_tokens":200,"audio_tokens":960},"completion_tokens_details":{"reasoning_tokens":240}}"#,
            ),
            "0.001831",
        ),
        // 48 × 1.32 µ + 1,152 × 0.044 µ + 700 × 3.96 µ = 0.002886048
        // https://api-docs.deepseek.com/quick_start/pricing
        invoice(
            "deepseek",
            "deepseek-v4-pro",
            Used::Counted(
                r#"{"prompt_tokens":1200,"completion_tokens":700,"prompt_cache_hit_tokens":1152,"prompt_cache_miss_tokens":48}"#,
            ),
            "0.002886048",
        ),
        // 333 × 0.5 µ + 77 × 1.5 µ = 0.000282
        // https://docs.mistral.ai/models/mistral-large-3-25-12
        invoice(
            "mistral",
            "mistral-large-latest",
            Used::Counted(r#"{"prompt_tokens":333,"completion_tokens":77}"#),
            "0.000282",
        ),
        // 7 × 0.004 = 0.028
        // https://mistral.ai/pricing#api-pricing
        invoice(
            "mistral",
            "mistral-ocr-latest",
            Used::Measured(Metered {
                pages: 7,
                ..Metered::default()
            }),
            "0.028",
        ),
        // 3 × 0.002 = 0.006
        // litellm 1.110.2
        invoice(
            "cohere",
            "rerank-v3.5",
            Used::Measured(Metered {
                searches: 3,
                ..Metered::default()
            }),
            "0.006",
        ),
        // 512 × 2.5 µ + 129 × 10 µ = 0.00257
        // litellm 1.110.2
        invoice(
            "cohere",
            "command-a-03-2025",
            Used::Counted(r#"{"input_tokens":512,"output_tokens":129}"#),
            "0.00257",
        ),
        // 17 × 3 µ + 421 × 15 µ + 1 × 0.006 = 0.012366
        // litellm 1.110.2
        invoice(
            "perplexity",
            "sonar-pro",
            Used::Counted(r#"{"prompt_tokens":17,"completion_tokens":421}"#),
            "0.012366",
        ),
        // 9 × 2 µ + 4,000 × 8 µ + 2,000 × 3 µ + 18 × 0.005 = 0.128018
        // litellm 1.110.2
        invoice(
            "perplexity",
            "sonar-deep-research",
            Used::Counted(
                r#"{"prompt_tokens":9,"completion_tokens":6000,"completion_tokens_details":{"reasoning_tokens":2000},"num_search_queries":18}"#,
            ),
            "0.128018",
        ),
        // 36 × 1.25 µ + 163 × 0.2 µ + 111 × 2.5 µ = 0.0003551
        // https://api.x.ai/v1/language-models
        invoice(
            "xai",
            "grok-4.3",
            Used::Counted(
                r#"{"prompt_tokens":199,"completion_tokens":1,"total_tokens":310,"prompt_tokens_details":{"cached_tokens":163},"completion_tokens_details":{"reasoning_tokens":110}}"#,
            ),
            "0.0003551",
        ),
        // 512 × 0.15 µ + 512 × 0.075 µ + 256 × 0.6 µ = 0.0002688
        // litellm 1.110.2
        invoice(
            "groq",
            "openai/gpt-oss-120b",
            Used::Counted(
                r#"{"prompt_tokens":1024,"completion_tokens":256,"prompt_tokens_details":{"cached_tokens":512}}"#,
            ),
            "0.0002688",
        ),
        // 10.001 × 0.00001111 = 0.00011111111
        // litellm 1.110.2
        invoice(
            "groq",
            "whisper-large-v3-turbo",
            Used::Measured(Metered {
                millis_in: 10_001,
                ..Metered::default()
            }),
            "0.00011111111",
        ),
        // 2 × 0.132 = 0.264
        // https://azure.microsoft.com/en-us/pricing/details/azure-openai/
        invoice(
            "azure-openai",
            "dall-e-3",
            Used::Measured(Metered {
                images: 2,
                image_kind: kind("1024x1792", "hd"),
                ..Metered::default()
            }),
            "0.264",
        ),
        // 150,000 × 6 µ + 60,000 × 0.6 µ + 10 × 22.5 µ = 0.936225
        // https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonBedrockFoundationModels/current/index.json
        invoice(
            "bedrock",
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            Used::Counted(
                r#"{"input_tokens":150000,"cache_read_input_tokens":60000,"output_tokens":10}"#,
            ),
            "0.936225",
        ),
        // 32,001 × 2.4 µ + 50 × 12 µ = 0.0774024
        // https://www.alibabacloud.com/help/en/model-studio/models
        invoice(
            "qwen",
            "qwen3-max",
            Used::Counted(r#"{"prompt_tokens":32001,"completion_tokens":50}"#),
            "0.0774024",
        ),
        // 3 × 0.35 µ + 1 × 0.75 µ = 0.0000018
        // https://www.cerebras.ai/blog/openai-gpt-oss-120b-runs-fastest-on-cerebras
        invoice(
            "cerebras",
            "gpt-oss-120b",
            Used::Counted(r#"{"prompt_tokens":3,"completion_tokens":1}"#),
            "0.0000018",
        ),
        // 25 × 2.125 µ + 5 × 17 µ = 0.000138125
        // https://developers.openai.com/api/docs/pricing
        invoice(
            "openai",
            "gpt-4o",
            Used::Counted(
                r#"{"prompt_tokens":10,"completion_tokens":5,"service_tier":"priority","prompt_tokens_details":{"cached_tokens":25}}"#,
            ),
            "0.000138125",
        ),
        // 60 × 0.00007167 = 0.0043002
        // https://deepgram.com/pricing
        invoice(
            "deepgram",
            "nova-3",
            Used::Measured(Metered {
                millis_in: 60_000,
                ..Metered::default()
            }),
            "0.0043002",
        ),
    ]
}

#[test]
fn every_invoice_is_right_to_the_pico_dollar() {
    let catalog = Catalog::embedded();
    let today: Day = "2026-11-24".parse().unwrap();
    let mut wrong = Vec::new();
    for invoice in invoices() {
        let used = match &invoice.used {
            Used::Counted(json) => metered(&Usage::read(json).expect(json)),
            Used::Measured(used) => used.clone(),
        };
        let price = catalog.price(invoice.provider, invoice.model, today);
        let bill = price.and_then(|price| price.charge(&used));
        let total = bill.as_ref().map(|bill| bill.total.to_string());
        if total.as_deref() != Some(invoice.total) {
            let Invoice {
                provider,
                model,
                total,
                ..
            } = invoice;
            wrong.push(format!("{provider} {model}: {bill:?}, expected {total}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_thirty_of_them_over_twelve_vendors() {
    let invoices = invoices();
    assert!(invoices.len() >= 30, "{}", invoices.len());
    let vendors: std::collections::BTreeSet<_> =
        invoices.iter().map(|invoice| invoice.provider).collect();
    assert!(vendors.len() >= 12, "{vendors:?}");
}
