//! The files of a form: what is told of them from process to process, and what a workload can do with them.
//! Small ones are in memory, larger ones in the folder of the request.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::request_folder::RequestFolder;

/// What a form has in it, but for the bytes of its files.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Parts {
    /// The texts, as a query string.
    pub fields: String,
    /// The files. Those that are in memory stand there one after the other.
    pub files: Vec<Sent>,
}

/// What a caller tells of a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sent {
    name: String,
    file_name: String,
    content_type: String,
    /// Its length in bytes.
    pub len: u64,
    /// Whether it is in the folder of the request, and not in memory.
    pub is_on_disk: bool,
}

impl Sent {
    /// An empty file of this name in the form, and this one where it comes from.
    pub fn new(name: &str, file_name: &str, content_type: &str) -> Self {
        Self {
            name: name.to_owned(),
            file_name: without_folders(file_name),
            content_type: content_type.to_owned(),
            len: 0,
            is_on_disk: false,
        }
    }

    /// [`Upload::name`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// [`Upload::file_name`].
    pub fn file_name(&self) -> &str {
        &self.file_name
    }
}

/// The last part of what may be a path on any system, without control characters: never a path itself.
fn without_folders(file_name: &str) -> String {
    let last = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    match last.replace(char::is_control, "").trim() {
        "." | ".." => String::new(),
        name => name.to_owned(),
    }
}

/// Where the file of this number is in the folder of its request. The name has nothing in it that a caller sent:
/// there are programs that do what an extension tells them.
pub fn path_in(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("upload-{number}"))
}

impl Parts {
    /// The files, of which these are in `memory`, and the others in the `folder`.
    pub(super) fn uploads(self, mut memory: Bytes, folder: &RequestFolder) -> Vec<Upload> {
        let upload = |(number, sent): (usize, Sent)| {
            let len = usize::try_from(sent.len).unwrap_or(usize::MAX);
            let bytes = (!sent.is_on_disk).then(|| memory.split_to(len));
            Upload::new(sent, number, bytes, folder.clone())
        };
        self.files.into_iter().enumerate().map(upload).collect()
    }
}

/// A file of a form: [`Call::file`](super::Call::file). It is there until the request is over.
#[derive(Debug, Clone)]
pub struct Upload {
    sent: Sent,
    number: usize,
    bytes: Option<Bytes>,
    /// Whether it is in the folder.
    is_written: Arc<Mutex<bool>>,
    folder: RequestFolder,
}

impl Upload {
    pub(super) fn new(
        sent: Sent,
        number: usize,
        bytes: Option<Bytes>,
        folder: RequestFolder,
    ) -> Self {
        let is_written = Arc::new(Mutex::new(bytes.is_none()));
        Self {
            sent,
            number,
            bytes,
            is_written,
            folder,
        }
    }

    /// The name that the form has for it.
    pub fn name(&self) -> &str {
        self.sent.name()
    }

    /// What the file is called where it comes from: as the caller says, but never a path. Empty if the
    /// caller does not say.
    pub fn file_name(&self) -> &str {
        self.sent.file_name()
    }

    /// Its type, as the caller says: `image/png`. It is not checked.
    pub fn content_type(&self) -> &str {
        &self.sent.content_type
    }

    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.sent.len
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of it. A file that is not in memory is read into it.
    pub fn bytes(&self) -> io::Result<Cow<'_, [u8]>> {
        match &self.bytes {
            Some(bytes) => Ok(Cow::Borrowed(bytes)),
            None => fs::read(self.path()?).map(Cow::Owned),
        }
    }

    /// The file, open for reading: for one that does not fit into memory, or the standard input of a program.
    pub fn open(&self) -> io::Result<File> {
        File::open(self.path()?)
    }

    /// The file by its path, for programs. One that is in memory is written to [`Call::folder`](super::Call::folder)
    /// first. The path tells nothing of [`Self::file_name`], its extension included.
    pub fn path(&self) -> io::Result<PathBuf> {
        let path = path_in(&self.folder.path()?, self.number);
        let mut is_written = self.is_written.lock();
        if let Some(bytes) = self.bytes.as_ref().filter(|_| !*is_written) {
            fs::write(&path, bytes)?;
            *is_written = true;
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::workload::Call;

    #[test]
    fn a_file_name_is_never_a_path() {
        for (sent, expected) in [
            ("a b.png", "a b.png"),
            ("grüße.txt", "grüße.txt"),
            ("../../etc/passwd", "passwd"),
            (r"C:\Users\me\cv.pdf", "cv.pdf"),
            ("/etc/", ""),
            ("..", ""),
            ("a/.", ""),
            (" .. ", ""),
            (".\0.", ""),
            ("a\0\r\nb", "ab"),
            (".bashrc", ".bashrc"),
            ("", ""),
        ] {
            assert_eq!(without_folders(sent), expected, "{sent:?}");
        }
    }

    #[test]
    fn a_file_of_a_unit_test_is_like_one_that_was_sent() {
        let call = Call::default()
            .with_file("one", "1.txt", "text/plain", "first")
            .with_file("one", "2.txt", "text/plain", "")
            .with_file("two", "../3", "image/png", b"third");
        assert_eq!(call.files().len(), 3);
        assert_eq!(call.file("one").unwrap().file_name(), "1.txt");
        assert!(call.files()[1].is_empty());
        assert!(call.file("three").is_none());

        let third = call.file("two").unwrap();
        assert_eq!((third.len(), third.file_name()), (5, "3"));
        assert_eq!(third.content_type(), "image/png");
        assert_eq!(*third.bytes().unwrap(), *b"third");
        let path = third.path().unwrap();
        assert_eq!(path, third.path().unwrap());
        let mut text = String::new();
        third.open().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "third");
        drop(call);
        assert!(!path.exists());
    }
}
