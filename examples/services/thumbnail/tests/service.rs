//! The real program: pictures, and what is none.

/// The program, for the fixture.
const BINARY: &str = env!("CARGO_BIN_EXE_thumbnail");

// A running server: the fixture of the engine's tests.
#[allow(
    dead_code,
    unused_imports,
    clippy::float_cmp,
    reason = "the engine's tests ask for more than these"
)]
#[path = "../../../../crates/onelane/tests/integration/lane/mod.rs"]
mod lane;

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use lane::{Lane, send};
use reqwest::{Method, RequestBuilder};
use rstest::rstest;

const JPEG: &str = "image/jpeg";

fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let picture = DynamicImage::from(RgbImage::new(width, height));
    picture.write_to(&mut file, ImageFormat::Jpeg).unwrap();
    file.into_inner()
}

fn post(lane: &Lane, query: &str, content_type: &str, body: Vec<u8>) -> RequestBuilder {
    let request = lane.request(Method::POST, &format!("/thumbnail{query}"));
    request.header("content-type", content_type).body(body)
}

#[rstest]
#[tokio::test]
async fn a_picture_becomes_a_small_one(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let lane = Lane::of(mode, &[]);
    let request = post(&lane, "?width=60", JPEG, picture(400, 300));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], JPEG);
    let small = answer.bytes().await.unwrap();
    let small = image::load_from_memory_with_format(&small, ImageFormat::Jpeg).unwrap();
    assert_eq!((small.width(), small.height()), (60, 45));
}

#[tokio::test]
async fn whatever_else_is_sent_is_told_why_not() {
    let lane = Lane::start(&[]);
    let small = || picture(4, 4);
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
        let answer = send(post(&lane, query, content_type, body)).await;
        assert_eq!((answer.status, answer.reason().as_str()), (status, reason));
    }
}
