//! The real program: pictures, and what is none.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use onelane::testing;
use rstest::rstest;

/// The program.
const BINARY: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

const JPEG: &str = "image/jpeg";

fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let picture = DynamicImage::from(RgbImage::new(width, height));
    picture.write_to(&mut file, ImageFormat::Jpeg).unwrap();
    file.into_inner()
}

#[rstest]
fn a_picture_becomes_a_small_one(
    #[values("blocking", "threads", "fork", "pool", "cluster")] mode: &str,
) {
    let service = testing::start_with(BINARY, &["--mode", mode]);
    let answer = service.post("/thumbnail?width=60", JPEG, picture(400, 300));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some(JPEG));
    let small = image::load_from_memory_with_format(&answer.body, ImageFormat::Jpeg).unwrap();
    assert_eq!((small.width(), small.height()), (60, 45));
}

#[test]
fn whatever_else_is_sent_is_told_why_not() {
    let service = testing::start(BINARY);
    let small = || picture(4, 4);
    // Height and width stand in the start of a frame.
    let mut huge = small();
    let frame = huge.windows(2).position(|pair| pair == [0xff, 0xc0]);
    huge[frame.unwrap() + 5..][..4].fill(0xff);
    for (query, content_type, body, status, reason) in [
        ("", JPEG, b"hello".to_vec(), 422, "not_an_image"),
        ("", "image/png", small()[..20].to_vec(), 422, "not_an_image"),
        ("", JPEG, huge, 413, "too_many_pixels"),
        ("", JPEG, vec![0; (8 << 20) + 1], 413, "body_too_large"),
        ("", "image/gif", small(), 415, "unsupported_media_type"),
        ("?width=0", JPEG, small(), 400, "bad_request"),
        ("?width=2001", JPEG, small(), 400, "bad_request"),
    ] {
        let answer = service.post(&format!("/thumbnail{query}"), content_type, body);
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.json()["reason"], reason);
    }
}
