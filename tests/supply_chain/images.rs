//! What images begin with is named by digest, and can be replaced by what was made here.

use std::fs;

use onelane_tree::{files, root};

/// Of every Dockerfile: a tag can be another image tomorrow.
#[test]
fn every_published_image_is_named_by_its_digest() {
    let all = files();
    let dockerfiles = all.iter().filter(|file| file.ends_with("Dockerfile"));
    let mut published = 0;
    for file in dockerfiles {
        let text = fs::read_to_string(root().join(file)).unwrap();
        for line in text.lines() {
            let Some(from) = line.strip_prefix("FROM ") else {
                continue;
            };
            let (image, stage) = from.split_once(" AS ").unwrap_or((from, ""));
            if image.starts_with('$') || image == "scratch" {
                continue;
            }
            let (name, digest) = image.split_once("@sha256:").expect(line);
            assert!(digest.len() == 64 && name.contains(':'), "{file}: {line}");
            assert!(stage.starts_with("published-"), "{file}: {line}");
            assert!(
                text.contains(&format!("={stage}\n")),
                "{file}: no ARG for {stage}"
            );
            published += 1;
        }
    }
    assert_eq!(published, 5);
}
