//! Style and script as they are sent: without the comments and the indentation of the sources.

/// The bytes that are left of `source`, and how many they are. `ROOM` is that number; the caller that does not know
/// it yet gives the length of `source`. A comment has a line of its own.
pub(super) const fn lean<const ROOM: usize>(source: &str) -> ([u8; ROOM], usize) {
    let source = source.as_bytes();
    let (mut left, mut length, mut at) = ([0; ROOM], 0, 0);
    while at < source.len() {
        while source[at] == b' ' {
            at += 1;
        }
        let is_comment = source[at] == b'/' && matches!(source[at + 1], b'/' | b'*');
        let is_empty = source[at] == b'\n';
        loop {
            if !is_comment && !is_empty {
                left[length] = source[at];
                length += 1;
            }
            at += 1;
            if source[at - 1] == b'\n' {
                break;
            }
        }
    }
    (left, length)
}

/// The same of a file beside this one, as a text.
macro_rules! lean_str {
    ($file:literal) => {{
        const SOURCE: &str = include_str!($file);
        const LENGTH: usize = lean::lean::<{ SOURCE.len() }>(SOURCE).1;
        const LEAN: [u8; LENGTH] = lean::lean(SOURCE).0;
        match std::str::from_utf8(&LEAN) {
            Ok(text) => text,
            Err(_) => panic!("only whole lines are left out"),
        }
    }};
}
pub(super) use lean_str;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indentation_are_left_out_and_nothing_else() {
        let source = "// One.\na(); // Two.\n\n  /** Three. */\n  b('é  /*');\n";
        let (left, length) = lean::<80>(source);
        let left = std::str::from_utf8(&left[..length]).unwrap();
        assert_eq!(left, "a(); // Two.\nb('é  /*');\n");
    }
}
