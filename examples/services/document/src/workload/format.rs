//! The kinds of documents that `soffice` is given, by the type of the body.

use std::str;

/// A kind of document.
#[derive(Debug)]
pub struct Format {
    /// As in `Content-Type`.
    media_type: &'static str,
    /// The end of a file's name.
    pub extension: &'static str,
    /// The filter that reads it. Left to itself `soffice` takes what it does not know for a text.
    pub filter: &'static str,
    /// What `soffice` does not look at.
    looks_right: fn(&[u8]) -> bool,
}

/// The types of [`FORMATS`].
pub const TYPES: &[&str] = &[DOCX, ODT, RTF, HTML, TEXT];

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const ODT: &str = "application/vnd.oasis.opendocument.text";
const RTF: &str = "application/rtf";
const HTML: &str = "text/html";
const TEXT: &str = "text/plain";

const FORMATS: &[Format] = &[
    Format {
        media_type: DOCX,
        extension: "docx",
        filter: "MS Word 2007 XML",
        looks_right: is_something,
    },
    Format {
        media_type: ODT,
        extension: "odt",
        filter: "writer8",
        looks_right: is_something,
    },
    Format {
        media_type: RTF,
        extension: "rtf",
        filter: "Rich Text Format",
        looks_right: |bytes| bytes.starts_with(b"{\\rtf"),
    },
    Format {
        media_type: HTML,
        extension: "html",
        filter: "HTML (StarWriter)",
        looks_right: is_text,
    },
    Format {
        media_type: TEXT,
        extension: "txt",
        filter: "Text (encoded):UTF8,LF,,,",
        looks_right: is_text,
    },
];

fn is_something(bytes: &[u8]) -> bool {
    !bytes.is_empty()
}

fn is_text(bytes: &[u8]) -> bool {
    is_something(bytes) && !bytes.contains(&0) && str::from_utf8(bytes).is_ok()
}

impl Format {
    /// That of a type, which may have parameters. None if it is none of [`TYPES`].
    pub fn of(content_type: &str) -> Option<&'static Self> {
        let media_type = content_type.split(';').next()?.trim();
        let mut formats = FORMATS.iter();
        formats.find(|format| format.media_type.eq_ignore_ascii_case(media_type))
    }

    /// Whether `soffice` is to have a look at it.
    pub fn may_be(&self, bytes: &[u8]) -> bool {
        (self.looks_right)(bytes)
    }
}
