//! The mock vendor, run inside the test process so that a test can script it and read its records.

use std::net::SocketAddr;

use mock::{Behaviour, Mock, MockSpec, Recorded, Stats, When};
use tokio::runtime::Runtime;

use crate::http::{Answer, Call};

/// A running vendor. Dropping it ends it.
pub struct Vendor {
    mock: Mock,
    // Dropped after the mock: its tasks run here.
    runtime: Runtime,
}

impl Vendor {
    /// A vendor that answers plainly.
    pub fn start() -> Vendor {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let mock = runtime
            .block_on(mock::start(MockSpec::default()))
            .expect("the mock starts");
        Vendor { mock, runtime }
    }

    /// Ends it with all its connections, and starts another at the same address.
    pub fn restart(&mut self) {
        let spec = MockSpec {
            listen: self.addr(),
            ..MockSpec::default()
        };
        self.runtime.block_on(async {
            let placeholder = mock::start(MockSpec::default())
                .await
                .expect("the mock starts");
            std::mem::replace(&mut self.mock, placeholder).stop().await;
            self.mock = mock::start(spec).await.expect("the mock starts again");
        });
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.mock.address()
    }

    /// Its API root.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr())
    }

    /// Has the next request answered like this: `name=value;name=value`.
    pub fn next(&self, settings: &str) {
        self.next_times(1, settings);
    }

    /// Has this many of the next requests answered like this.
    pub fn next_times(&self, times: u32, settings: &str) {
        let behaviour = Behaviour::read(settings).unwrap_or_else(|error| panic!("{error}"));
        // A gateway may ask for the list of models at any time; that is not what is scripted.
        let chats = When {
            path: Some("/chat/completions".into()),
            model: None,
        };
        self.mock.script_when(chats, times, behaviour);
    }

    /// Has this many of the next requests whose path ends like this answered like this.
    pub fn when(&self, path: &str, times: u32, settings: &str) {
        let behaviour = Behaviour::read(settings).unwrap_or_else(|error| panic!("{error}"));
        let when = When {
            path: Some(path.into()),
            model: None,
        };
        self.mock.script_when(when, times, behaviour);
    }

    /// Has this many of the next requests whose path ends like this answered with a token.
    pub fn grants(&self, path: &str, times: u32, token: &str, seconds: u32) {
        let body = serde_json::json!({"access_token": token, "expires_in": seconds}).to_string();
        self.when(path, times, &format!("body={}", escaped(&body)));
    }

    /// Has this many of the next requests for the list of models answered like this.
    pub fn when_listing(&self, times: u32, settings: &str) {
        let behaviour = Behaviour::read(settings).unwrap_or_else(|error| panic!("{error}"));
        let lists = When {
            path: Some("/models".into()),
            model: None,
        };
        self.mock.script_when(lists, times, behaviour);
    }

    /// Lists these models, this many times.
    pub fn lists(&self, times: u32, ids: &[&str]) {
        let data: Vec<_> = ids
            .iter()
            .map(|id| serde_json::json!({"id": id, "object": "model"}))
            .collect();
        let list = serde_json::json!({"object": "list", "data": data}).to_string();
        self.when_listing(times, &format!("body={}", escaped(&list)));
    }

    /// Every request so far.
    pub fn everything(&self) -> Vec<Recorded> {
        self.mock.recorded()
    }

    /// Every call so far; looking for models is none.
    pub fn received(&self) -> Vec<Recorded> {
        self.everything()
            .into_iter()
            .filter(|request| request.method == "POST")
            .collect()
    }

    /// Forgets every request so far.
    pub fn forget(&self) {
        self.mock.clear();
    }

    /// The one call so far.
    pub fn only(&self) -> Recorded {
        let mut all = self.received();
        assert_eq!(all.len(), 1, "requests received");
        all.remove(0)
    }

    /// The last call.
    pub fn last(&self) -> Recorded {
        self.received()
            .pop()
            .expect("the vendor received something")
    }

    /// Its counters.
    pub fn stats(&self) -> Stats {
        self.mock.stats()
    }

    /// What it says to a chat when nobody stands between.
    pub fn says(&self, body: impl Into<Vec<u8>>) -> Answer {
        Call::chat(body).send(self.addr())
    }
}

/// A setting's value with everything escaped that settings would read or trim.
pub fn escaped(text: &str) -> String {
    text.replace('%', "%25")
        .replace(';', "%3B")
        .replace('\n', "%0A")
        .replace('\r', "%0D")
}
