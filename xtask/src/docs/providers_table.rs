//! The table of providers: one line per row, in the reader's words.

use std::time::Duration;

use providers::{
    Auth, Clamp, Dialect, Family, KeyNeed, LogprobsForm, Provider, Quirk, StreamOptions, Surface,
    Timeouts,
};

const HEAD: &str = "\
| Id | Name | Environment | API root | Models it is tried for | Notes |
|---|---|---|---|---|---|
";

/// Lines within a cell.
const BREAK: &str = "<br>";

pub(super) fn render<'a>(rows: impl Iterator<Item = &'a Provider>) -> String {
    HEAD.to_owned() + &rows.map(line).collect::<String>()
}

fn line(row: &Provider) -> String {
    let cells = [
        code(&row.id),
        row.display_name().to_owned(),
        environment(row),
        roots(row),
        models(row),
        notes(row),
    ];
    let cells = cells.map(|cell| cell.replace('|', "\\|"));
    format!("| {} |\n", cells.join(" | "))
}

fn environment(row: &Provider) -> String {
    let (names, mut lines) = (&row.env, Vec::new());
    if !names.api_key.is_empty() {
        match row.key {
            KeyNeed::Required => lines.push(either(&names.api_key)),
            KeyNeed::Optional => lines.push(either(&names.api_key) + " (optional)"),
            KeyNeed::None => {}
        }
    }
    if let Some(name) = &names.base_url {
        lines.push(variable(name, names.base_url_required));
    }
    for var in names.vars.values() {
        lines.extend(var.env.iter().map(|name| variable(name, var.required)));
    }
    if !names.models.env.is_empty() {
        lines.push(either(&names.models.env) + required(names.models.required));
    }
    lines.join(BREAK)
}

fn variable(name: &str, is_required: bool) -> String {
    code(name) + required(is_required)
}

fn required(is_required: bool) -> &'static str {
    if is_required { " (required)" } else { "" }
}

fn roots(row: &Provider) -> String {
    let others = row.regions.iter();
    let others = others.map(|(name, root)| format!("{}: {}", code(name), code(root)));
    let all: Vec<_> = [code(&row.base_url)].into_iter().chain(others).collect();
    all.join(BREAK)
}

fn models(row: &Provider) -> String {
    let claims = &row.claims;
    let own: Vec<_> = claims.prefixes.iter().map(|text| prefix(text)).collect();
    match (claims.deployments, own.is_empty(), claims.open) {
        (true, ..) => "only configured deployments".to_owned(),
        (_, true, true) => "any".to_owned(),
        (_, true, false) => "none".to_owned(),
        (_, false, true) => format!("{}; any other", own.join(", ")),
        (_, false, false) => own.join(", "),
    }
}

/// A row's `#` stands for a digit.
fn prefix(text: &str) -> String {
    match text.strip_suffix('#') {
        Some(word) => format!("`{word}<digit>…`"),
        None => format!("`{text}…`"),
    }
}

fn notes(row: &Provider) -> String {
    let mut notes = Vec::new();
    notes.extend(credential(row));
    notes.extend(rules(row));
    notes.extend(row.families.iter().map(family));
    if row.has(Quirk::ContentBlocks) {
        notes.push("content blocks turned into text".to_owned());
    }
    if row.has(Quirk::LooseTypes) {
        notes.push("arguments and content of other types turned into text".to_owned());
    }
    if row.has(Quirk::FilterEvents) {
        notes.push("a content filter's own events told in the next".to_owned());
    }
    notes.extend(row.tokens.as_ref().map(|tokens| {
        let prefix = code(&format!("{}…", tokens.prefix));
        format!("{prefix} as a bearer token")
    }));
    let headers = row.headers.iter();
    notes.extend(headers.map(|(name, value)| format!("sends `{name}: {value}`")));
    notes.extend(dated_route(row));
    if !row.models.is_empty() {
        notes.push(format!("known without asking: {}", list(&row.models)));
    }
    if row.discovery.is_none() {
        notes.push("no model list".to_owned());
    }
    notes.extend(patience(&row.timeouts));
    if row.env.explicit {
        notes.push("not detected from the environment: name it in the config".to_owned());
    }
    if !row.serves(Surface::Chat) {
        notes.push("no chat".to_owned());
    }
    notes.join("; ")
}

fn family(family: &Family) -> String {
    let models: Vec<_> = family.prefixes.iter().map(|text| prefix(text)).collect();
    let dialect = match family.dialect {
        Dialect::Anthropic => "Anthropic's dialect",
        Dialect::Cohere => "Cohere's dialect",
        _ => "OpenAI's dialect",
    };
    format!(
        "{} in {dialect} at {}",
        models.join(", "),
        code(&family.chat)
    )
}

fn credential(row: &Provider) -> Option<String> {
    match &row.auth {
        Auth::Bearer => None,
        Auth::ApiKey => Some("key in `api-key`".to_owned()),
        Auth::Header(name) => Some(format!("key in {}", code(name))),
        Auth::Aws(_) => Some(format!("or {}", section("AWS keys", "aws"))),
        Auth::Google(_) => Some(format!(
            "key in `x-goog-api-key`, or {}",
            section("Google credentials", "google")
        )),
        Auth::Entra(_) => Some(format!(
            "key in `api-key`, or {}",
            section("Entra ID", "entra-id")
        )),
        Auth::Databricks => Some(format!("or {}", section("OAuth", "databricks"))),
    }
}

/// A link to a section of the same page.
fn section(name: &str, anchor: &str) -> String {
    format!("[{name}](#{anchor})")
}

fn rules(row: &Provider) -> Vec<String> {
    let chat = &row.chat;
    let renamed = chat.rename.iter();
    let mut notes: Vec<_> = renamed
        .map(|rename| format!("`{}` → `{}`", rename.from, rename.to))
        .collect();
    for (what, names) in [
        ("never sent", &chat.drop),
        ("never sent in messages", &chat.drop_in_messages),
    ] {
        if !names.is_empty() {
            notes.push(format!("{what}: {}", list(names)));
        }
    }
    notes.extend(chat.clamp.iter().map(range));
    if chat.stream_options == StreamOptions::None {
        notes.push("`stream_options` never sent".to_owned());
    }
    if chat.logprobs == LogprobsForm::Count {
        notes.push("`logprobs` sent as a number".to_owned());
    }
    if !chat.unsupported.is_empty() {
        notes.push(format!("not honoured: {}", list(&chat.unsupported)));
    }
    notes
}

fn range(clamp: &Clamp) -> String {
    let field = code(&clamp.field);
    match (clamp.min, clamp.max) {
        (Some(min), Some(max)) => format!("{field} from {min} to {max}"),
        (Some(min), None) => format!("{field} at least {min}"),
        (None, Some(max)) => format!("{field} at most {max}"),
        (None, None) => field,
    }
}

fn dated_route(row: &Provider) -> Option<String> {
    let when = &row.dated_route.as_ref()?.when;
    let setting = code(&format!("vars.{when}"));
    let set = match row.env.vars.get(when).and_then(|var| var.env.as_deref()) {
        Some(name) => format!("{} ({setting})", code(name)),
        None => setting,
    };
    Some(format!("dated route when {set} is set"))
}

/// What differs from the usual.
fn patience(own: &Timeouts) -> impl Iterator<Item = String> {
    let usual = Timeouts::default();
    let bounds = [
        ("connect within", Some(own.connect), Some(usual.connect)),
        (
            "first byte within",
            Some(own.first_byte),
            Some(usual.first_byte),
        ),
        ("silent for at most", Some(own.idle), Some(usual.idle)),
        ("whole answer within", own.total, usual.total),
    ];
    let differing = bounds.into_iter().filter(|(_, own, usual)| own != usual);
    differing.filter_map(|(what, own, _)| Some(format!("{what} {}", in_words(own?))))
}

fn in_words(bound: Duration) -> String {
    config::format_duration(bound)
}

fn either(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| code(name)).collect();
    names.join(" or ")
}

fn list(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| code(name)).collect();
    names.join(", ")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Provider {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_row_with_nothing_special_says_no_more_than_that() {
        let text = "
            id = 'acme'
            base_url = 'https://api.acme.test/v1'
            env = { api_key = ['ACME_API_KEY'], base_url = 'ACME_BASE_URL' }
            claims = { open = true }
            discovery = '/models'";
        assert_eq!(
            line(&row(text)),
            "| `acme` | acme | `ACME_API_KEY`<br>`ACME_BASE_URL` | `https://api.acme.test/v1` | any |  |\n"
        );
    }

    #[test]
    fn everything_that_a_row_can_say_is_told() {
        let text = "
            id = 'acme'
            name = 'Acme | Sons'
            base_url = 'https://{account}.acme.test/v1'
            regions = { eu = 'https://eu.acme.test/v1' }
            auth = { header = 'x-acme-key' }
            key = 'optional'
            headers = { x-client = 'gateway' }
            claims = { prefixes = ['a-', 'o#'], open = true }
            models = ['a-1']
            quirks = ['content_blocks']
            timeouts = { connect = '5s', total = '30m' }
            [env]
            api_key = ['ACME_KEY', 'ACME_TOKEN']
            base_url = 'ACME_URL'
            base_url_required = true
            vars = { account = { env = 'ACME_ACCOUNT', required = true }, version = { env = 'ACME_VERSION' } }
            models = { env = ['ACME_MODELS'], required = true }
            explicit = true
            [dated_route]
            when = 'version'
            strip = '/v1'
            path = '/dated{path}'
            surfaces = ['chat']
            [chat]
            rename = [{ from = 'user', to = 'user_id' }]
            drop = ['seed', 'n']
            drop_in_messages = ['name']
            clamp = [{ field = 'temperature', max = 1.5 }, { field = 'top_p', min = 0.1, max = 1 }]
            unsupported = ['stop']
            stream_options = 'none'
            logprobs = 'count'";
        let cells = [
            "| `acme` ",
            " Acme \\",
            " Sons ",
            " `ACME_KEY` or `ACME_TOKEN` (optional)<br>`ACME_URL` (required)<br>`ACME_ACCOUNT` (required)<br>`ACME_VERSION`<br>`ACME_MODELS` (required) ",
            " `https://{account}.acme.test/v1`<br>`eu`: `https://eu.acme.test/v1` ",
            " `a-…`, `o<digit>…`; any other ",
            " key in `x-acme-key`; `user` → `user_id`; never sent: `seed`, `n`; never sent in messages: `name`; \
             `temperature` at most 1.5; `top_p` from 0.1 to 1; `stream_options` never sent; `logprobs` sent as a number; \
             not honoured: `stop`; content blocks turned into text; sends `x-client: gateway`; \
             dated route when `ACME_VERSION` (`vars.version`) is set; known without asking: `a-1`; no model list; \
             connect within 5s; whole answer within 30m; not detected from the environment: name it in the config |\n",
        ];
        assert_eq!(line(&row(text)), cells.join("|"));
    }

    #[test]
    fn models_are_told_by_what_the_row_claims() {
        for (claims, told) in [
            ("open = true", "any"),
            ("prefixes = ['a-']", "`a-…`"),
            ("prefixes = ['a-'], open = true", "`a-…`; any other"),
            ("deployments = true", "only configured deployments"),
            ("", "none"),
        ] {
            let text = format!("id = 'a'\nbase_url = 'https://a.test'\nclaims = {{ {claims} }}");
            assert_eq!(models(&row(&text)), told, "{claims}");
        }
    }
}
