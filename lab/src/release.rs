//! The program as the image has it: optimised, and linked with the C library, so that a process of
//! it starts without a dynamic loader.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use onelane_tree::{SERVICE, root};

/// Where the program and the engine are.
const PROJECT: &str = "Cargo.toml";

/// Where the services to copy from are.
const SERVICES: &str = "examples/services/Cargo.toml";

/// Builds it, which takes nothing but a look when it is there already, and tells where it is.
pub fn build() -> Result<PathBuf, String> {
    build_from(PROJECT, SERVICE, SERVICE)
}

/// The same for the service of drills.
pub fn build_drills() -> Result<PathBuf, String> {
    build_from(PROJECT, "onelane", "drills")
}

/// The program as it is tested, which takes less time to build.
pub fn build_to_try() -> Result<PathBuf, String> {
    build_to_try_from(PROJECT, SERVICE, SERVICE)
}

/// The service of drills as it is tested.
pub fn build_drills_to_try() -> Result<PathBuf, String> {
    build_to_try_from(PROJECT, "onelane", "drills")
}

/// The same for one of the services to copy from.
pub fn build_service(name: &str) -> Result<PathBuf, String> {
    build_from(SERVICES, name, name)
}

/// One of them as it is tested.
pub fn build_service_to_try(name: &str) -> Result<PathBuf, String> {
    build_to_try_from(SERVICES, name, name)
}

/// Runs an example of one of them.
pub fn run_example(name: &str, example: &str, args: &[&str]) -> Result<(), String> {
    let mut cargo = cargo("run", SERVICES, name);
    cargo.args(["--target-dir", "target", "--example", example, "--"]);
    succeed(cargo.args(args))
}

fn build_to_try_from(manifest: &str, package: &str, program: &str) -> Result<PathBuf, String> {
    let mut cargo = cargo("build", manifest, package);
    succeed(cargo.args(["--target-dir", "target"]))?;
    Ok(root().join("target/debug").join(program))
}

/// The flags are those of `docker/app.Dockerfile`.
fn build_from(manifest: &str, package: &str, program: &str) -> Result<PathBuf, String> {
    let host = host()?;
    eprintln!("building the static release binary of {program}");
    let mut cargo = cargo("build", manifest, package);
    cargo.env(
        "RUSTFLAGS",
        "-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs",
    );
    // Macros are built without these flags as soon as a target is named.
    cargo.args(["--release", "--target", &host]);
    succeed(cargo.args(["--target-dir", "target/static"]))?;
    Ok(root().join(format!("target/static/{host}/release/{program}")))
}

fn cargo(command: &str, manifest: &str, package: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(root())
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
