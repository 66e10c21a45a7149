//! Styles and scripts, which `build.rs` has compressed.

use std::sync::LazyLock;

use base64::prelude::{BASE64_STANDARD, Engine};
use miniz_oxide::inflate::decompress_to_vec;
use sha2::{Digest, Sha256};

/// The content of an element.
pub(super) struct Asset {
    pub(super) text: String,
    /// The name that a policy has for it.
    pub(super) hash: String,
}

impl Asset {
    fn of(compressed: &[u8]) -> Self {
        let bytes = decompress_to_vec(compressed).expect("it was compressed");
        let text = String::from_utf8(bytes).expect("it is a text");
        let digest = BASE64_STANDARD.encode(Sha256::digest(&text));
        let hash = format!("sha256-{digest}");
        Self { text, hash }
    }
}

macro_rules! asset {
    ($name:literal) => {
        LazyLock::new(|| Asset::of(include_bytes!(concat!(env!("OUT_DIR"), "/", $name))))
    };
}

/// Of all pages.
pub(super) static STYLE: LazyLock<Asset> = asset!("style.css");
/// Of the page that sends requests.
pub(super) static SCRIPT: LazyLock<Asset> = asset!("script.js");
/// Of the page that shows the OpenAPI document.
pub(super) static OPENAPI: LazyLock<Asset> = asset!("openapi.js");

#[cfg(test)]
mod tests {
    use super::super::lean::lean;
    use super::*;

    #[test]
    fn comments_and_indentation_are_left_out_and_nothing_else() {
        let source = "// One.\na(); // Two.\n\n  /** Three. */\n  b('é  /*');\n";
        assert_eq!(lean(source), "a(); // Two.\nb('é  /*');\n");
    }

    #[test]
    fn what_was_compressed_is_there_as_it_was() {
        assert_eq!(SCRIPT.text, lean(include_str!("script.js")));
        assert_eq!(STYLE.text, lean(include_str!("style.css")));
        assert_eq!(OPENAPI.text, lean(include_str!("openapi.js")));
    }
}
