//! What a process wrote to stdout, line by line, for tests that wait for a line.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The lines so far.
#[derive(Clone, Default)]
pub struct Log(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Log {
    /// Follows a pipe until it is closed.
    pub fn follow(pipe: impl Read + Send + 'static) -> Log {
        let log = Log::default();
        let writer = log.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let (lines, grown) = &*writer.0;
                lines
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
                grown.notify_all();
            }
        });
        log
    }

    /// Every line so far.
    pub fn lines(&self) -> Vec<String> {
        self.0
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Every line so far that is a JSON object.
    pub fn objects(&self) -> Vec<Value> {
        self.lines()
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Waits for a JSON line that `wanted` accepts.
    pub fn wait(&self, patience: Duration, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let (end, mut read) = (Instant::now() + patience, 0);
        let (lines, grown) = &*self.0;
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let fresh = lines[read..]
                .iter()
                .filter_map(|line| serde_json::from_str(line).ok());
            if let Some(found) = fresh.into_iter().find(|line| wanted(line)) {
                return Some(found);
            }
            read = lines.len();
            let left = end.checked_duration_since(Instant::now())?;
            lines = grown
                .wait_timeout(lines, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}
