//! Where programs are that a machine may have or not.

use std::path::Path;

/// The first of these names that is a program, on the path or where Debian has its daemons.
pub fn find(names: &[&str]) -> Result<String, String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let places = || path.split(':').chain(["/usr/sbin"]);
    names
        .iter()
        .flat_map(|name| places().map(move |place| format!("{place}/{name}")))
        .find(|candidate| Path::new(candidate).is_file())
        .ok_or_else(|| {
            format!(
                "{} is not installed (lab/benches/compare/install)",
                names[0]
            )
        })
}
