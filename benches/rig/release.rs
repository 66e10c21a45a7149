//! The program as the image has it: optimised, and linked with the C library, so that a process of
//! it starts without a dynamic loader.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Where the services to copy from are.
const SERVICES: &str = "examples/services/Cargo.toml";

/// Builds it, which takes nothing but a look when it is there already, and tells where it is.
pub(crate) fn build() -> Result<PathBuf, String> {
    build_from("Cargo.toml", env!("CARGO_PKG_NAME"))
}

/// The same for one of the services to copy from.
pub(crate) fn build_service(name: &str) -> Result<PathBuf, String> {
    build_from(SERVICES, name)
}

/// One of them as it is tested, which takes less time to build.
pub(crate) fn build_service_to_try(name: &str) -> Result<PathBuf, String> {
    let mut cargo = cargo("build", SERVICES, name);
    succeed(cargo.args(["--target-dir", "target"]))?;
    Ok(Path::new(ROOT).join("target/debug").join(name))
}

/// Runs an example of one of them.
pub(crate) fn run_example(name: &str, example: &str, args: &[&str]) -> Result<(), String> {
    let mut cargo = cargo("run", SERVICES, name);
    cargo.args(["--target-dir", "target", "--example", example, "--"]);
    succeed(cargo.args(args))
}

/// The flags are those of `docker/app.Dockerfile`.
fn build_from(manifest: &str, package: &str) -> Result<PathBuf, String> {
    let host = host()?;
    eprintln!("building the static release binary of {package}");
    let mut cargo = cargo("build", manifest, package);
    cargo.env(
        "RUSTFLAGS",
        "-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs",
    );
    // Macros are built without these flags as soon as a target is named.
    cargo.args(["--release", "--target", &host]);
    succeed(cargo.args(["--target-dir", "target/static"]))?;
    Ok(Path::new(ROOT).join(format!("target/static/{host}/release/{package}")))
}

fn cargo(command: &str, manifest: &str, package: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(ROOT)
        .args([command, "--locked", "--quiet"]);
    cargo.args(["--manifest-path", manifest, "--package", package]);
    cargo
}

fn succeed(cargo: &mut Command) -> Result<(), String> {
    let status = cargo.status();
    let status = status.map_err(|err| format!("cannot run cargo: {err}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{cargo:?} ended with {status}"))
    }
}

fn host() -> Result<String, String> {
    let output = Command::new("rustc")
        .args(["--print", "host-tuple"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|err| format!("cannot run rustc: {err}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
