//! The programs that contenders are made of: where they are and which version, or why they are absent.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::process::Command;

use onelane_lab::front::Front;
use onelane_lab::programs::find;
use onelane_lab::release;
use onelane_stack::nginx;
use tempfile::TempDir;

use super::{Contender, Work};

/// Where the contenders' own sources are.
pub(crate) const CONTENDERS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/benches/compare/contenders");

type Found<T = String> = Result<T, String>;

#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) onelane: PathBuf,
    /// That of `examples/services/`, built when it is first needed.
    thumbnail: OnceCell<Found<PathBuf>>,
    /// The service of the engine's tests, likewise.
    drills: OnceCell<Found<PathBuf>>,
    /// Whether what is built is built for speed.
    pub(crate) is_release: bool,
    pub(crate) nginx: Found,
    pub(crate) node: Found,
    pub(crate) gunicorn: Found,
    pub(crate) uwsgi: Found,
    pub(crate) php_fpm: Found,
    pub(crate) fcgiwrap: Found,
    pub(crate) haproxy: Found,
    /// The directory of the CGI program, `app`.
    pub(crate) cgi: Found<TempDir>,
}

impl Tools {
    /// `onelane` is the program itself, or it is built.
    pub(crate) fn find(onelane: Option<PathBuf>, is_release: bool) -> Result<Self, String> {
        Ok(Self {
            onelane: onelane.map_or_else(release::build, Ok)?,
            thumbnail: OnceCell::new(),
            drills: OnceCell::new(),
            is_release,
            nginx: nginx::program(),
            node: find(&["node"]),
            gunicorn: find(&["gunicorn"]),
            uwsgi: find(&["uwsgi"]),
            php_fpm: find(&["php-fpm8.4", "php-fpm8.2", "php-fpm"]),
            fcgiwrap: find(&["fcgiwrap"]),
            haproxy: Front::Haproxy.program(),
            cgi: compile("app"),
        })
    }

    pub(crate) fn front(&self, front: Front) -> Found<&str> {
        let program = match front {
            Front::Nginx(_) => &self.nginx,
            Front::Haproxy => &self.haproxy,
        };
        program.as_deref().map_err(Clone::clone)
    }

    /// The program of a lane that does this work.
    pub(crate) fn lane(&self, work: Work) -> Found<&Path> {
        let program = match work {
            Work::StandIn => return Ok(&self.onelane),
            Work::Thumbnails => self.thumbnail.get_or_init(|| {
                if self.is_release {
                    release::build_service("thumbnail")
                } else {
                    release::build_service_to_try("thumbnail")
                }
            }),
            Work::Bodies => self.drills.get_or_init(|| {
                if self.is_release {
                    release::build_drills()
                } else {
                    release::build_drills_to_try()
                }
            }),
        };
        program.as_deref().map_err(Clone::clone)
    }

    /// The programs of a contender on disk, with all that they need: a file where it is one, else
    /// Debian's packages. What lanes have in front of them is not counted.
    pub(crate) fn disk_bytes(&self, contender: Contender) -> Option<u64> {
        match contender {
            Contender::Mode(_)
            | Contender::NoneReady
            | Contender::Lanes(_)
            | Contender::Haproxy => file(&self.onelane),
            Contender::Node(_) => file(Path::new(self.node.as_ref().ok()?)),
            Contender::Gunicorn => packages(&["gunicorn", "python3"]),
            Contender::Uwsgi => packages(&["uwsgi-core", "uwsgi-plugin-python3", "python3"]),
            Contender::PhpFpm => packages(&["php-fpm"]),
            Contender::Fcgiwrap => packages(&["fcgiwrap"]),
        }
    }

    /// What each says of its version.
    pub(crate) fn versions(&self) -> Vec<(String, String)> {
        let onelane = self.onelane.display().to_string();
        let ask = |name: &str, program: &Found, args: &[&str]| {
            let version = program
                .clone()
                .and_then(|program| first_line(Command::new(program).args(args)));
            (
                name.to_owned(),
                version.unwrap_or_else(|why| format!("absent: {why}")),
            )
        };
        vec![
            ask("onelane", &Ok(onelane), &["--version"]),
            ask("nginx", &self.nginx, &["-v"]),
            ask("Node.js", &self.node, &["--version"]),
            ask("gunicorn", &self.gunicorn, &["--version"]),
            ask("uWSGI", &self.uwsgi, &["--version"]),
            ask(
                "Pillow",
                &Ok("dpkg-query".to_owned()),
                &["--show", "python3-pil"],
            ),
            ask("PHP-FPM", &self.php_fpm, &["--version"]),
            ask("gd", &Ok("dpkg-query".to_owned()), &["--show", "libgd3"]),
            ask(
                "fcgiwrap",
                &self.fcgiwrap.clone().map(|_| "dpkg-query".to_owned()),
                &["--show", "fcgiwrap"],
            ),
            ask("HAProxy", &self.haproxy, &["-v"]),
            ask("kernel", &Ok("uname".to_owned()), &["-sr"]),
        ]
    }
}

/// Compiles `NAME.c` of the contenders, linked statically.
fn compile(name: &str) -> Found<TempDir> {
    let dir = tempfile::tempdir().map_err(|err| format!("no temporary directory: {err}"))?;
    let status = Command::new("cc")
        .args(["-static", "-O2", "-o"])
        .arg(dir.path().join(name))
        .arg(format!("{CONTENDERS}/{name}.c"))
        .status()
        .map_err(|err| format!("cannot run cc: {err}"))?;
    if status.success() {
        Ok(dir)
    } else {
        Err(format!("cc ended with {status}"))
    }
}

fn file(path: &Path) -> Option<u64> {
    // Through links, of which Debian has many.
    Some(std::fs::metadata(path).ok()?.len())
}

fn packages(names: &[&str]) -> Option<u64> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/compare/install");
    let output = Command::new(script)
        .arg("--size")
        .args(names)
        .output()
        .ok()?;
    let kilobytes: u64 = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

fn first_line(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|err| format!("cannot be run: {err}"))?;
    // nginx tells it to stderr.
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
