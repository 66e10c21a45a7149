//! A copy of nginx/ to change: that of the checkout may be in use.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn copy() -> Self {
        let files = Self(TempDir::new().expect("there is room for temporary files"));
        // For the user of nginx.
        fs::set_permissions(files.path(), PermissionsExt::from_mode(0o755)).expect("it is ours");
        for file in
            fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/nginx")).expect("it is there")
        {
            let file = file.expect("it can be listed");
            let name = file.file_name().into_string().expect("our names are ASCII");
            files.write(
                &name,
                &fs::read_to_string(file.path()).expect("it can be read"),
            );
        }
        files
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::write(&path, text).expect("the folder is ours");
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("as above");
    }

    /// Puts another text in the place of the only one like it.
    pub(crate) fn replace(&self, name: &str, this: &str, that: &str) {
        let text = fs::read_to_string(self.path().join(name)).expect("it is there");
        assert_eq!(text.matches(this).count(), 1, "{this} in {name}");
        self.write(name, &text.replace(this, that));
    }
}
