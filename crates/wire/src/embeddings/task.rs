//! What texts are embedded for, in the words of clients and vendors.

/// One purpose.
pub(super) struct Task {
    words: &'static [&'static str],
    pub(super) google: &'static str,
    pub(super) cohere: &'static str,
    pub(super) nova: &'static str,
}

/// The purposes of which every vendor has one.
static TASKS: [Task; 4] = [
    Task {
        words: &[
            "search_document",
            "document",
            "passage",
            "retrieval_document",
        ],
        google: "RETRIEVAL_DOCUMENT",
        cohere: "search_document",
        nova: "GENERIC_INDEX",
    },
    Task {
        words: &["search_query", "query", "retrieval_query"],
        google: "RETRIEVAL_QUERY",
        cohere: "search_query",
        nova: "GENERIC_RETRIEVAL",
    },
    Task {
        words: &["classification"],
        google: "CLASSIFICATION",
        cohere: "classification",
        nova: "CLASSIFICATION",
    },
    Task {
        words: &["clustering"],
        google: "CLUSTERING",
        cohere: "clustering",
        nova: "CLUSTERING",
    },
];

/// The purpose that a word means.
pub(super) fn of(word: &str) -> Option<&'static Task> {
    let known = |task: &&Task| {
        task.words
            .iter()
            .any(|known| known.eq_ignore_ascii_case(word))
    };
    TASKS.iter().find(known)
}
