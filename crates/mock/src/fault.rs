//! The faults the mock can show: one table, from which the enum, the parser,
//! `GET /_mock` and the tests are all made.

use std::{collections::BTreeMap, time::Duration};

use crate::read;

/// What the number given with a fault counts, and the number when none is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nothing: the fault is on or off.
    Switch,
    /// Bytes.
    Bytes(u64),
    /// Content events of a stream.
    Events(u64),
    /// Milliseconds.
    Millis(u64),
}

/// Which answers a fault can be seen in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Whole answers and streams.
    Any,
    /// Streams only; whole answers stay as they are.
    Stream,
    /// Whole answers only; streams stay as they are.
    Whole,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The fault.
    pub fault: Fault,
    /// Its name in settings.
    pub name: &'static str,
    /// What its number counts.
    pub unit: Unit,
    /// Where it shows.
    pub scope: Scope,
    /// What it does.
    pub says: &'static str,
}

macro_rules! faults {
    ($($variant:ident $name:literal $unit:expr, $scope:ident, $says:literal;)*) => {
        /// Something a vendor does wrong, or does right in an unusual way.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Fault { $(#[doc = $says] $variant,)* }

        impl Fault {
            /// Every fault there is.
            pub const ALL: &'static [Row] = &[$(Row {
                fault: Fault::$variant,
                name: $name,
                unit: $unit,
                scope: Scope::$scope,
                says: $says,
            },)*];
        }
    };
}

faults! {
    Reset "reset" Unit::Switch, Any, "resets the connection (RST) before the first byte of an answer";
    ResetAfterHead "reset_after_head" Unit::Switch, Any, "resets the connection (RST) after the status line and headers";
    ResetEvent "reset_event" Unit::Events(2), Stream, "resets the connection (RST) after that many content events";
    Close "close" Unit::Switch, Any, "closes the connection without a byte of an answer";
    CloseAfter "close_after" Unit::Switch, Any, "sends connection: close and closes once the answer is out";
    Stall "stall" Unit::Switch, Any, "reads the request and never answers";
    StallAfterHead "stall_after_head" Unit::Switch, Any, "sends status line and headers, then nothing more";
    StallEvent "stall_event" Unit::Events(2), Stream, "falls silent after that many content events";
    RoleOnlyThenStall "role_only_then_stall" Unit::Switch, Stream, "sends the role chunk and falls silent";
    Cut "cut" Unit::Bytes(64), Any, "closes the connection after that many bytes of the body";
    CutEvent "cut_event" Unit::Events(2), Stream, "closes the connection after that many content events, without the end of the body";
    Eof "eof" Unit::Switch, Stream, "ends the body cleanly after the content, without finish chunk, usage and end mark";
    SlowHeaders "slow_headers" Unit::Millis(200), Any, "sends status line and headers byte by byte over that time (http/1.1)";
    Informational "informational" Unit::Switch, Any, "sends a 103 response ahead of the answer (http/1.1)";
    NotHttp "not_http" Unit::Switch, Any, "answers with a greeting that is not HTTP, then closes (http/1.1)";
    BigHead "big_head" Unit::Bytes(64 << 10), Any, "adds a response header of that many bytes";
    Redirect "redirect" Unit::Switch, Any, "answers 302 to a path of this server";
    WrongContentType "wrong_content_type" Unit::Switch, Any, "answers 200 with an HTML page";
    NoContentType "no_content_type" Unit::Switch, Any, "leaves the content-type header out";
    GzipClaim "gzip_claim" Unit::Switch, Any, "says content-encoding: gzip over plain bytes";
    Empty "empty" Unit::Switch, Any, "answers 200 with an empty body";
    Truncated "truncated" Unit::Switch, Any, "ends the body cleanly in the middle of the JSON (of the last content event)";
    BadUtf8 "bad_utf8" Unit::Switch, Any, "puts bytes that are not UTF-8 into the content";
    Huge "huge" Unit::Bytes(8 << 20), Any, "answers content of that many bytes (in a stream: in one event)";
    ErrorIn200 "error_in_200" Unit::Events(2), Any, "answers 200 with an error object (in a stream: after that many content events, and ends)";
    ErrorTextIn200 "error_text_in_200" Unit::Events(2), Any, "the same, with the error as a plain string";
    Garbage "garbage" Unit::Events(2), Stream, "sends an event that is not JSON after that many content events, and goes on";
    NoUsage "no_usage" Unit::Switch, Any, "leaves the usage out, asked for or not";
    UsageWithFinish "usage_with_finish" Unit::Switch, Stream, "puts the usage into the finish chunk, asked for or not";
    UsageEverywhere "usage_everywhere" Unit::Switch, Stream, "puts the usage into every chunk, asked for or not";
    RoleEverywhere "role_everywhere" Unit::Switch, Stream, "repeats the role in every delta";
    ContentParts "content_parts" Unit::Switch, Any, "answers content as an array with a thinking part and a text part";
    NoFinish "no_finish" Unit::Switch, Any, "leaves the finish reason out (in a stream: the finish chunk, not the end mark)";
    NoDone "no_done" Unit::Switch, Stream, "sends the finish chunk, but not the end mark DONE";
    DoubleDone "double_done" Unit::Switch, Stream, "sends the end mark DONE twice";
    NoFinalBlank "no_final_blank" Unit::Switch, Stream, "sends no blank line after the last event";
    Crlf "crlf" Unit::Switch, Stream, "ends lines with CR LF";
    Cr "cr" Unit::Switch, Stream, "ends lines with a lone CR";
    Bom "bom" Unit::Switch, Stream, "starts the stream with a byte order mark";
    NoSpace "no_space" Unit::Switch, Stream, "writes data: without a space after the colon";
    Fields "fields" Unit::Switch, Stream, "adds event, id and retry fields to each event";
    Comments "comments" Unit::Switch, Stream, "sends a comment ahead of each event";
    MultiLine "multi_line" Unit::Switch, Stream, "spreads the data of an event over two data lines";
    WritePerEvent "write_per_event" Unit::Switch, Stream, "writes each event by itself";
    Split "split" Unit::Bytes(7), Any, "writes the body in pieces of that many bytes";
}

impl Fault {
    /// The fault's line in the table.
    pub fn row(self) -> &'static Row {
        &Fault::ALL[self as usize]
    }

    /// The fault's name in settings.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    pub(crate) fn named(name: &str) -> Option<Fault> {
        let row = Fault::ALL.iter().find(|row| row.name == name)?;
        Some(row.fault)
    }
}

impl Unit {
    /// The number of a fault that was given none.
    pub fn usual(self) -> u64 {
        match self {
            Unit::Switch => 1,
            Unit::Bytes(n) | Unit::Events(n) | Unit::Millis(n) => n,
        }
    }

    /// Reads what stands after `name=`; `None` switches the fault off.
    fn read(self, value: &str) -> Result<Option<u64>, String> {
        if matches!(value, "" | "true") {
            return Ok(Some(self.usual()));
        }
        if value == "false" {
            return Ok(None);
        }
        match self {
            Unit::Switch => Ok(read::switch(value)?.then_some(1)),
            Unit::Bytes(_) => read::bytes(value).map(Some),
            Unit::Events(_) => read::bounded(value, 100_000).map(|n| Some(u64::from(n))),
            Unit::Millis(_) => {
                let time = read::duration(value)?;
                Ok(Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
            }
        }
    }
}

/// A set of faults, each with its number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults(BTreeMap<Fault, Option<u64>>);

impl Faults {
    /// Adds a fault with its usual number.
    pub fn add(&mut self, fault: Fault) {
        self.add_with(fault, fault.row().unit.usual());
    }

    /// Adds a fault with a number of its [`Unit`].
    pub fn add_with(&mut self, fault: Fault, number: u64) {
        self.0.insert(fault, Some(number));
    }

    /// Whether the fault is to be shown.
    pub fn has(&self, fault: Fault) -> bool {
        self.number(fault).is_some()
    }

    /// The fault's number, when it is to be shown.
    pub fn number(&self, fault: Fault) -> Option<u64> {
        self.0.get(&fault).copied().flatten()
    }

    pub(crate) fn count(&self, fault: Fault) -> Option<usize> {
        self.number(fault)
            .map(|number| usize::try_from(number).unwrap_or(usize::MAX))
    }

    pub(crate) fn time(&self, fault: Fault) -> Option<Duration> {
        self.number(fault).map(Duration::from_millis)
    }

    pub(crate) fn read(&mut self, fault: Fault, value: &str) -> Result<(), String> {
        let number = fault.row().unit.read(value)?;
        self.0.insert(fault, number);
        Ok(())
    }

    /// These faults, and below them those of another layer.
    pub(crate) fn over(mut self, under: &Faults) -> Faults {
        for (fault, number) in &under.0 {
            self.0.entry(*fault).or_insert(*number);
        }
        self
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Faults {
        let mut set = Faults::default();
        faults.into_iter().for_each(|fault| set.add(fault));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_at_its_faults_place_with_a_name_of_its_own() {
        for (at, row) in Fault::ALL.iter().enumerate() {
            assert_eq!(row.fault as usize, at);
            assert_eq!(Fault::named(row.name), Some(row.fault), "{}", row.name);
            assert!(row.says.len() > 10, "{}", row.name);
        }
    }

    #[test]
    fn an_upper_layer_wins_and_can_switch_a_fault_off() {
        let mut upper = Faults::default();
        upper.read(Fault::Cut, "9").unwrap();
        upper.read(Fault::Stall, "false").unwrap();
        let lower = [Fault::Cut, Fault::Stall, Fault::Crlf]
            .into_iter()
            .collect();

        let both = upper.over(&lower);

        assert_eq!(both.number(Fault::Cut), Some(9));
        assert!(!both.has(Fault::Stall));
        assert!(both.has(Fault::Crlf));
    }
}
