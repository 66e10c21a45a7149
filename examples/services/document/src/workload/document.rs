//! `POST /pdf` with a document: its PDF, by `soffice` (`LibreOffice`).

use std::error::Error;
use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use onelane::{Body, Call, Load, Output, Problem, Reason, Reply, Route, Stop, Workload};

use super::format::{Format, TYPES};

/// PDFs of documents. It has looked for `soffice`.
#[derive(Debug)]
pub struct Document(());

/// As Debian calls it.
const PROGRAM: &str = "soffice";
/// More than most documents have.
const MAX_FILE_BYTES: usize = 8 << 20;
/// `soffice` needs 200 for the shortest document, and no more for 240 pages of text.
const MEMORY_MIB: u64 = 320;
/// Of the PDF, and of any other file that `soffice` writes.
const PDF_MIB: u64 = 32;
/// Where it looks for its settings, below `XDG_CONFIG_HOME`.
const PROFILE_FOLDER: &str = "libreoffice/4/user";
/// What it is not to do.
const PROFILE: &str = include_str!("profile.xcu");

const NOT_A_DOCUMENT: Reason =
    Reason::new(422, "not_a_document", "This is no document of its type");
const TOO_MUCH: Reason = Reason::new(422, "too_much", "This document is too much for LibreOffice");

impl Load for Document {
    type Settings = ();

    /// A machine without `soffice` is better noticed now than by the first who asks.
    fn load((): ()) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let version = Command::new(PROGRAM).arg("--version").output();
        let version = version.map_err(|err| format!("{PROGRAM} of LibreOffice: {err}"))?;
        if !version.status.success() {
            let said = String::from_utf8_lossy(&version.stderr);
            return Err(format!("{PROGRAM} --version: {}: {said}", version.status).into());
        }
        Ok(Self(()))
    }
}

impl Workload for Document {
    const NAME: &'static str = "document";
    const ROUTES: &'static [Route] = &[Route::post("/pdf", Body::raw(TYPES).limit(MAX_FILE_BYTES))];
    const REASONS: &'static [Reason] = &[NOT_A_DOCUMENT, TOO_MUCH];
    type Input = ();
    type Output = Reply;

    #[cfg(feature = "openapi")]
    fn schemas() -> Option<onelane::Schemas> {
        let schemas = onelane::Schemas::of_input::<()>().bytes(200, &["application/pdf"]);
        Some(schemas.summary("The PDF of a document."))
    }

    fn run(&self, (): (), call: &Call) -> Result<Reply, Stop> {
        let content_type = call.header("Content-Type").unwrap_or_default();
        let format = Format::of(content_type).ok_or_else(|| Problem::from(&NOT_A_DOCUMENT))?;
        if !format.may_be(call.body()) {
            return Err(unlike(format));
        }
        let folder = call.folder()?;
        write(&folder, format, call.body())?;
        sweep(Path::new(SOCKETS));
        let said = convert(call, &folder, format)?;
        match fs::read(folder.join("document.pdf")) {
            Ok(pdf) if said.code == 0 => Ok(Reply::bytes("application/pdf", pdf)),
            _ => Err(refusal(format, &said)),
        }
    }
}

/// The document, and the settings of a `soffice` that has never run before: nothing is left of other documents.
fn write(folder: &Path, format: &Format, document: &[u8]) -> io::Result<()> {
    let profile = folder.join(PROFILE_FOLDER);
    fs::create_dir_all(&profile)?;
    fs::write(profile.join("registrymodifications.xcu"), PROFILE)?;
    fs::write(
        folder.join("document").with_extension(format.extension),
        document,
    )
}

fn convert(call: &Call, folder: &Path, format: &Format) -> Result<Output, Stop> {
    let mut command = Command::new(PROGRAM);
    command.env("XDG_CONFIG_HOME", folder);
    command.arg(format!("--infilter={}", format.filter));
    command.args(["--headless", "--convert-to", "pdf"]);
    command.arg(Path::new("document").with_extension(format.extension));
    let mut program = call.program(command).stdin([]);
    for code in FAILURES {
        program = program.accept(code);
    }
    program.memory_mib(MEMORY_MIB).file_mib(PDF_MIB).output()
}

/// What `soffice` ends with when it gives up, and when it crashes: of SIGABRT, after a signal that it has caught
/// itself, and of SIGSEGV.
const FAILURES: [i32; 3] = [1, 134, 139];

/// Its exit code may be 0 although there is no PDF.
fn refusal(format: &Format, said: &Output) -> Stop {
    if said.stderr.contains("could not be loaded") {
        return unlike(format);
    }
    if said.code == 0 {
        return Stop::Failed(format!("LibreOffice makes no PDF: {}", said.stderr).into());
    }
    let detail = format!("It takes more than {MEMORY_MIB} MiB, or its PDF more than {PDF_MIB} MiB");
    TOO_MUCH.detail(detail).into()
}

fn unlike(format: &Format) -> Stop {
    let detail = format!(
        "It is no .{}, is broken, or has a password",
        format.extension
    );
    NOT_A_DOCUMENT.detail(detail).into()
}

/// Where `soffice` makes a socket for the next one, if it can write there.
const SOCKETS: &str = "/tmp";

/// Removes the sockets of `soffice` processes that were killed: connections to them are refused.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_its = name.as_encoded_bytes().starts_with(b"OSL_PIPE_");
        if is_its && is_deserted(&entry.path()) {
            // It may belong to another user: then it stays.
            fs::remove_file(entry.path()).ok();
        }
    }
}

fn is_deserted(socket: &Path) -> bool {
    UnixStream::connect(socket).is_err_and(|err| err.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests;
