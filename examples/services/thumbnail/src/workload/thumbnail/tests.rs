//! Real pictures, broken ones, and those that claim to be too large.

use image::{DynamicImage, ImageEncoder, ImageFormat, Rgb, RgbImage};

use super::*;

const RED: Rgb<u8> = Rgb([255, 0, 0]);

/// Half red, half black.
fn picture(width: u32, height: u32) -> RgbImage {
    let left = |x| if x < width / 2 { RED } else { Rgb([0; 3]) };
    RgbImage::from_fn(width, height, |x, _| left(x))
}

fn file(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.into().write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn run(picture: Vec<u8>, width: u32) -> Result<Reply, Stop> {
    Thumbnail.run(Input { width }, &Call::default().with_body(picture))
}

#[track_caller]
fn drawn(picture: Vec<u8>, width: u32) -> RgbImage {
    let small = run(picture, width).unwrap();
    image::load_from_memory_with_format(small.body(), ImageFormat::Jpeg)
        .unwrap()
        .into_rgb8()
}

/// The reason.
#[track_caller]
fn refused(picture: Vec<u8>) -> String {
    match run(picture, 200) {
        Err(Stop::Problem(problem)) => problem.reason().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// Whether a pixel is of this colour, as far as JPEG goes.
#[track_caller]
fn is(pixel: Rgb<u8>, colour: Rgb<u8>) {
    let pairs = pixel.0.into_iter().zip(colour.0);
    let far = pairs.map(|(one, other)| one.abs_diff(other)).max();
    assert!(far < Some(30), "{pixel:?} is not {colour:?}");
}

#[test]
fn a_picture_becomes_a_small_jpeg() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png] {
        let small = drawn(file(picture(400, 300), format), 200);
        assert_eq!(small.dimensions(), (200, 150));
        is(small[(10, 75)], RED);
        is(small[(190, 75)], Rgb([0; 3]));
    }
}

#[test]
fn it_fits_into_a_square_and_is_never_larger_than_it_was() {
    let high = file(picture(300, 400), ImageFormat::Png);
    assert_eq!(drawn(high.clone(), 40).dimensions(), (30, 40));
    assert_eq!(drawn(high, 2000).dimensions(), (300, 400));
    assert_eq!(
        drawn(file(picture(1, 1), ImageFormat::Png), 200).dimensions(),
        (1, 1)
    );
}

#[test]
fn what_is_transparent_becomes_white() {
    let nothing = RgbaImage::from_pixel(20, 20, Rgba([0; 4]));
    is(
        drawn(file(nothing, ImageFormat::Png), 20)[(10, 10)],
        Rgb([255; 3]),
    );
}

#[test]
fn a_picture_that_lies_on_its_side_is_turned() {
    // EXIF with a single entry: orientation (0x112), one short, 6: turn it clockwise.
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut lying = Vec::new();
    let mut encoder = JpegEncoder::new(&mut lying);
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    encoder.encode_image(&picture(400, 300)).unwrap();
    let upright = drawn(lying, 200);
    assert_eq!(upright.dimensions(), (150, 200));
    is(upright[(75, 10)], RED);
    is(upright[(75, 190)], Rgb([0; 3]));
}

#[test]
fn what_is_no_picture_is_a_problem() {
    let whole = file(picture(400, 300), ImageFormat::Png);
    let half = whole[..whole.len() / 2].to_vec();
    let mut broken = whole.clone();
    broken[whole.len() / 2] ^= 0xff;
    let headless = file(picture(400, 300), ImageFormat::Jpeg)[..100].to_vec();
    let text = b"hello".to_vec();
    for bytes in [
        Vec::new(),
        text,
        half,
        broken,
        headless,
        b"GIF89a\0\0\0\0".to_vec(),
    ] {
        assert_eq!(refused(bytes), "not_an_image");
    }
}

#[test]
fn a_jpeg_that_breaks_off_is_drawn_as_far_as_it_goes() {
    let whole = file(picture(400, 300), ImageFormat::Jpeg);
    let small = drawn(whole[..whole.len() / 2].to_vec(), 200);
    is(small[(10, 10)], RED);
}

/// The checksum of a part of a PNG.
fn crc32(bytes: &[u8]) -> u32 {
    let bit = |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
    let byte = |crc, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), bit);
    !bytes.iter().fold(!0, byte)
}

/// The same PNG with the header of a larger one.
fn inflated(mut png: Vec<u8>, width: u32, height: u32) -> Vec<u8> {
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    png
}

#[test]
fn what_claims_to_be_too_large_is_refused_by_its_header() {
    let small = file(picture(4, 4), ImageFormat::Png);
    assert_eq!(
        refused(inflated(small.clone(), 60_000, 60_000)),
        "too_many_pixels"
    );
    assert_eq!(refused(inflated(small, 6001, 4000)), "too_many_pixels");

    // Start of frame, its length, bits, height, width.
    let mut jpeg = file(picture(4, 4), ImageFormat::Jpeg);
    let frame = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    jpeg[frame + 5..frame + 9].fill(0xff);
    assert_eq!(refused(jpeg), "too_many_pixels");
}

#[test]
fn what_takes_more_memory_may_have_fewer_pixels() {
    let deep = DynamicImage::from(picture(4, 4)).into_rgba16();
    let deep = file(deep, ImageFormat::Png);
    assert_eq!(
        refused(inflated(deep.clone(), 6000, 4000)),
        "too_many_pixels"
    );
    // This one is not too large: it ends too early.
    assert_eq!(refused(inflated(deep, 4000, 3000)), "not_an_image");
}

#[test]
fn it_ends_when_the_request_is_interrupted() {
    let call = Call::default().with_body(file(picture(40, 30), ImageFormat::Png));
    call.interrupt();
    let stopped = Thumbnail.run(Input { width: 20 }, &call);
    assert!(matches!(stopped, Err(Stop::Interrupted)));
}
