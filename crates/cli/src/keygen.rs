//! `ferrogw keygen`: a new API key, shown once, and what the config file says to let it in.

use crate::exit::Exit;

/// Make an API key.
#[derive(clap::Args)]
pub(crate) struct Flags {
    /// The key's name in logs and limits.
    #[arg(long, default_value = "app")]
    name: String,
    /// What it may do.
    #[arg(long = "scope", value_parser = ["inference", "read_only", "admin"], default_value = "inference")]
    scopes: Vec<String>,
}

/// Prints the key and its entry for `keys`.
#[expect(clippy::print_stdout, reason = "results go to stdout")]
pub(crate) fn run(flags: &Flags) -> Result<(), Exit> {
    let key = new_key(32)?;
    let hash = engine::principal::hex(&engine::principal::hash(&key));
    println!("# The key, shown only now. The gateway keeps its hash alone.");
    println!("# {key}");
    println!("keys:");
    println!(
        "  - name: {}",
        crate::format::yaml(&flags.name.as_str().into()).trim_end()
    );
    println!("    sha256: {hash}");
    println!("    scopes: [{}]", flags.scopes.join(", "));
    Ok(())
}

/// `fgw_` and this many random bytes.
pub(crate) fn new_key(bytes: usize) -> Result<String, Exit> {
    let random = engine::principal::random(bytes)
        .ok_or_else(|| anyhow::anyhow!("the system gives no random bytes"))?;
    Ok(format!("fgw_{}", engine::principal::hex(&random)))
}
