//! The rule against URLs, and fetches from a local server that a look-up pretends to be elsewhere.
