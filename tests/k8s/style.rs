//! One object a file, one order of keys, one indent of lists, and a reason above every number.

use std::collections::BTreeMap;

use onelane_tree::manifests::all;
use serde_json::Value;

#[test]
fn a_file_is_one_object_with_a_comment_above() {
    for manifest in all() {
        assert!(
            manifest.text.starts_with("# "),
            "{} says what it is",
            manifest.file
        );
        assert!(
            !manifest.text.contains("\n---"),
            "{} is one object",
            manifest.file
        );
        let keys: Vec<_> = manifest.object.as_object().expect("a map").keys().collect();
        assert_eq!(
            keys[..3],
            ["apiVersion", "kind", "metadata"],
            "{}",
            manifest.file
        );
    }
}

#[test]
fn two_keys_never_stand_in_both_orders() {
    let mut orders = BTreeMap::new();
    for manifest in all() {
        visit(&manifest.object, &mut |keys| {
            for (place, later) in keys.iter().enumerate() {
                for earlier in &keys[..place] {
                    let pair = (earlier.clone(), later.clone());
                    orders.entry(pair).or_insert_with(|| manifest.file.clone());
                }
            }
        });
    }
    for ((earlier, later), file) in &orders {
        let reverse = orders.get(&(later.clone(), earlier.clone()));
        assert_eq!(reverse, None, "{later} comes after {earlier} in {file}");
    }
}

/// The keys of each map, but for the ones that are data.
fn visit(value: &Value, look: &mut impl FnMut(&[String])) {
    match value {
        Value::Object(map) => {
            look(&map.keys().cloned().collect::<Vec<_>>());
            map.values().for_each(|inner| visit(inner, look));
        }
        Value::Array(items) => items.iter().for_each(|inner| visit(inner, look)),
        _ => {}
    }
}

#[test]
fn lists_are_not_indented() {
    for manifest in all() {
        let lines: Vec<&str> = lines(&manifest.text).collect();
        for pair in lines.windows(2) {
            if pair[0].ends_with(':') && pair[1].trim_start().starts_with("- ") {
                let key = pair[0].find(|char| char != ' ' && char != '-').unwrap_or(0);
                assert_eq!(indent(pair[1]), key, "{} in {}", pair[1], manifest.file);
            }
        }
    }
}

#[test]
fn every_number_has_its_reason_above_it() {
    for manifest in all() {
        let lines: Vec<&str> = manifest.text.lines().collect();
        for (place, line) in lines.iter().enumerate() {
            let value = line.rsplit(": ").next().unwrap_or_default();
            let is_number = value
                .trim_matches('"')
                .starts_with(|char: char| char.is_ascii_digit());
            if is_number && !line.trim_start().starts_with('#') {
                assert!(
                    explained(&lines[..place], indent(line)),
                    "{line} in {}",
                    manifest.file
                );
            }
        }
    }
}

/// Whether there is a comment among the siblings above, or above a parent; that above the whole file
/// does not count.
fn explained(above: &[&str], mut level: usize) -> bool {
    for line in above.iter().rev() {
        if indent(line) <= level && line.trim_start().starts_with('#') {
            return true;
        }
        level = level.min(indent(line));
        if level == 0 {
            return false;
        }
    }
    false
}

/// Without comments.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
