//! A scriptable vendor: an HTTP server that answers like a model API, shows
//! faults on demand and keeps what it received.
//!
//! It is for tests, benchmarks and the demo, and must never think: an answer
//! is a function of the request and of a [`Behaviour`], which comes, setting
//! by setting, from the first of these that has one:
//!
//! 1. the request header `x-mock`, as JSON or as `name=value;name=value`;
//! 2. the script: a queue filled through [`Mock::script`] or
//!    `POST /_mock/script`, one entry per request;
//! 3. the model's name, when it reads `mock:name=value;…` (a gateway forwards
//!    that, but not arbitrary headers);
//! 4. [`MockSpec::defaults`].
//!
//! [`SETTINGS`] and [`Fault::ALL`] say what there is to set; `GET /_mock` says
//! the same. The control API is described in [`control`].

mod answer;
mod anthropic;
mod ask;
mod behaviour;
mod cohere;
pub mod control;
mod converse;
mod dice;
mod events;
mod fault;
mod gemini;
mod line;
mod lock;
mod ollama;
mod openai;
mod pictures;
mod plan;
mod playback;
mod ranks;
mod read;
mod record;
mod replicate;
mod script;
mod serve;
mod settings;
mod sse;
mod start;
mod vectors;
mod vertex;

pub use behaviour::{Behaviour, SettingError, Spread};
pub use fault::{Fault, Faults, Row, Scope, Unit};
pub use record::{Outcome, Recorded, Stats};
pub use script::When;
pub use settings::{SETTINGS, Setting};
pub use start::{Mock, MockSpec, start};
