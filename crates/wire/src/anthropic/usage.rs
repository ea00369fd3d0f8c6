//! Anthropic's counters.

use crate::ir::Usage;
use crate::json::Node;
use crate::json::write::Object;
use crate::usage::ServiceTier;

/// Counters as they were told last. Later ones replace single counters, not all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    read: Option<u64>,
    written: Option<u64>,
    written_5m: Option<u64>,
    written_1h: Option<u64>,
    thinking: Option<u64>,
    searches: Option<u64>,
    service: Option<ServiceTier>,
}

impl Counts {
    /// Takes in a `usage` object.
    pub(super) fn take(&mut self, usage: Node<'_>) {
        let [
            input,
            output,
            read,
            written,
            split,
            details,
            server,
            service,
        ] = usage.pick([
            "input_tokens",
            "output_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
            "cache_creation",
            "output_tokens_details",
            "server_tool_use",
            "service_tier",
        ]);
        let count = |node: Option<Node<'_>>| node.and_then(Node::uint);
        let [five, hour] = split
            .map(|split| split.pick(["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"]))
            .unwrap_or_default();
        for (slot, told) in [
            (&mut self.input, count(input)),
            (&mut self.output, count(output)),
            (&mut self.read, count(read)),
            (&mut self.written, count(written)),
            (&mut self.written_5m, count(five)),
            (&mut self.written_1h, count(hour)),
            (
                &mut self.thinking,
                count(details.and_then(|node| node.get("thinking_tokens"))),
            ),
            (
                &mut self.searches,
                count(server.and_then(|node| node.get("web_search_requests"))),
            ),
        ] {
            *slot = told.or(*slot);
        }
        let told = service.and_then(Node::text);
        let told = told.map(|word| ServiceTier::of(word.as_bytes()));
        self.service = told.or(self.service);
    }

    /// What they say.
    pub(super) fn usage(&self) -> Usage {
        let hour = self.written_1h.unwrap_or(0);
        let written = self
            .written
            .or(self.written_5m.map(|five| five.saturating_add(hour)));
        Usage {
            uncached_in: self.input.unwrap_or(0),
            cache_read: self.read.unwrap_or(0),
            cache_write_5m: written.unwrap_or(0).saturating_sub(hour),
            cache_write_1h: hour,
            out: self.output.unwrap_or(0),
            reasoning: self.thinking.unwrap_or(0),
            search_units: self.searches.unwrap_or(0),
            service: self.service.unwrap_or_default(),
            ..Usage::default()
        }
    }
}

/// Writes the `usage` member. Zeros are told: clients add them up.
pub(super) fn write(o: &mut Object<'_>, usage: &Usage) {
    o.object("usage", |o| {
        o.uint("input_tokens", usage.uncached_in);
        o.uint("cache_read_input_tokens", usage.cache_read);
        o.uint("cache_creation_input_tokens", usage.cache_write());
        if usage.cache_write_1h > 0 {
            o.object("cache_creation", |o| {
                o.uint("ephemeral_5m_input_tokens", usage.cache_write_5m);
                o.uint("ephemeral_1h_input_tokens", usage.cache_write_1h);
            });
        }
        o.uint("output_tokens", usage.out);
        if usage.reasoning > 0 {
            o.object("output_tokens_details", |o| {
                o.uint("thinking_tokens", usage.reasoning);
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a12_writes_are_split_and_never_counted_twice() {
        let mut counts = Counts::default();
        counts.take(Node::of(
            r#"{"input_tokens":10,"output_tokens":1,"cache_read_input_tokens":3,
                "cache_creation_input_tokens":7,
                "cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":2},
                "server_tool_use":{"web_search_requests":3},"service_tier":"priority"}"#,
        ));
        counts.take(Node::of(
            r#"{"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}"#,
        ));
        let usage = counts.usage();
        assert_eq!(
            (usage.uncached_in, usage.cache_read, usage.prompt()),
            (10, 3, 13)
        );
        assert_eq!((usage.cache_write_5m, usage.cache_write_1h), (5, 2));
        assert_eq!((usage.out, usage.reasoning), (9, 4));
        assert_eq!(
            (usage.search_units, usage.service),
            (3, ServiceTier::Priority)
        );
    }
}
