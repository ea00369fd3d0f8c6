//! Small files that others write: tokens, profiles.

use std::path::Path;

/// No such file is longer.
const LONGEST: u64 = 1024 * 1024;

/// The text of a file, read beside the calls of this core.
pub(super) async fn read(path: &Path) -> Result<String, String> {
    let text = read_bounded(path).await;
    text.map_err(|error| format!("{}: {error}", path.display()))
}

/// The same, with nothing for a file that is not there.
pub(super) async fn read_if_there(path: &Path) -> Result<String, String> {
    match read_bounded(path).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        other => other.map_err(|error| format!("{}: {error}", path.display())),
    }
}

async fn read_bounded(path: &Path) -> std::io::Result<String> {
    use tokio::io::AsyncReadExt;
    let mut text = String::new();
    let file = tokio::fs::File::open(path).await?;
    let read = file.take(LONGEST + 1).read_to_string(&mut text).await?;
    if read as u64 > LONGEST {
        let message = format!("longer than {LONGEST} bytes");
        return Err(std::io::Error::other(message));
    }
    Ok(text)
}
