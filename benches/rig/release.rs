//! The program as the image has it: optimised, and linked with the C library, so that a process of
//! it starts without a dynamic loader.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Builds it, which takes nothing but a look when it is there already, and tells where it is. The
/// flags are those of `docker/app.Dockerfile`.
pub(crate) fn build() -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let host = host()?;
    eprintln!("building the static release binary");
    let status = Command::new(env!("CARGO"))
        .current_dir(root)
        .env(
            "RUSTFLAGS",
            "-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs",
        )
        // Macros are built without these flags as soon as a target is named.
        .args(["build", "--release", "--locked", "--quiet"])
        .args(["--target", &host, "--target-dir", "target/static"])
        .status()
        .map_err(|err| format!("cannot run cargo: {err}"))?;
    if !status.success() {
        return Err(format!("the static build ended with {status}"));
    }
    Ok(root.join(format!("target/static/{host}/release/primes")))
}

fn host() -> Result<String, String> {
    let output = Command::new("rustc")
        .args(["--print", "host-tuple"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|err| format!("cannot run rustc: {err}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
