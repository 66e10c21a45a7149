//! `POST /thumbnail?width=N` with a picture: a JPEG of it that fits into a square of N pixels.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, Rgba, RgbaImage, imageops,
};
use onelane::{Body, Call, Example, Problem, Reason, Reply, Route, Stop, Workload};
use serde::{Deserialize, Deserializer, de::Error as _};

/// Small pictures of large ones.
pub struct Thumbnail;

/// More than cameras and phones make of a picture.
const MAX_FILE_BYTES: usize = 8 << 20;
/// 6000 × 4000. A lane needs 230 MB for the worst of them: a progressive JPEG.
const MAX_PIXELS: u64 = 24_000_000;
/// Of as many as that. Those with 16 bits a colour have more, and so there may be fewer of them.
const PIXEL_BYTES: u64 = 4;
/// Of a small picture.
const MAX_WIDTH: u32 = 2000;
/// At this size, a higher quality cannot be seen.
const QUALITY: u8 = 80;

const NOT_AN_IMAGE: Reason = Reason::new(422, "not_an_image", "This is no picture");
const TOO_MANY_PIXELS: Reason = Reason::new(413, "too_many_pixels", "This picture is too large");

/// A small JPEG of a picture.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Input {
    /// The side of the square that it fits into, in pixels.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = MAX_WIDTH)))]
    #[serde(default = "usual_width", deserialize_with = "width")]
    width: u32,
}

fn usual_width() -> u32 {
    200
}

fn width<'de, D: Deserializer<'de>>(source: D) -> Result<u32, D::Error> {
    match u32::deserialize(source)? {
        width @ 1..=MAX_WIDTH => Ok(width),
        _ => Err(D::Error::custom(format!("must be from 1 to {MAX_WIDTH}"))),
    }
}

impl Workload for Thumbnail {
    const NAME: &'static str = "thumbnail";
    const ROUTES: &'static [Route] = &[Route::post(
        "/thumbnail",
        Body::raw(&["image/jpeg", "image/png"]).limit(MAX_FILE_BYTES),
    )
    .examples(&[Example::new("Make it small", "width=300")])];
    const REASONS: &'static [Reason] = &[NOT_AN_IMAGE, TOO_MANY_PIXELS];
    type Input = Input;
    type Output = Reply;

    #[cfg(feature = "openapi")]
    fn schemas() -> Option<onelane::Schemas> {
        Some(onelane::Schemas::of_input::<Input>().bytes(200, &["image/jpeg"]))
    }

    fn run(&self, Input { width }: Input, call: &Call) -> Result<Reply, Stop> {
        let (picture, orientation) = decode(call.body()).map_err(refusal)?;
        call.check()?;
        // Never larger than it was.
        let side = width.min(picture.width().max(picture.height()));
        let mut small = picture.thumbnail(side, side);
        call.check()?;
        small.apply_orientation(orientation);
        Ok(Reply::bytes("image/jpeg", encode(&small)?))
    }
}

/// The picture as it is stored, and how to turn it upright. A file of a few bytes can claim to have more
/// pixels than there is memory, so its header is asked before anything else is read.
fn decode(file: &[u8]) -> Result<(DynamicImage, Orientation), ImageError> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_PIXELS * PIXEL_BYTES);
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    let usual = u64::from(width) * u64::from(height) * PIXEL_BYTES;
    limits.reserve(decoder.total_bytes().max(usual))?;
    let orientation = decoder.orientation()?;
    Ok((DynamicImage::from_decoder(decoder)?, orientation))
}

fn refusal(err: ImageError) -> Problem {
    match err {
        ImageError::Limits(_) => TOO_MANY_PIXELS.detail(format!(
            "{MAX_PIXELS} are the most, and fewer with 16 bits a colour"
        )),
        other => NOT_AN_IMAGE.detail(other.to_string()),
    }
}

/// JPEG knows no transparency: what is transparent lies on white.
fn encode(picture: &DynamicImage) -> Result<Vec<u8>, ImageError> {
    let mut page = RgbaImage::from_pixel(picture.width(), picture.height(), Rgba([255; 4]));
    imageops::overlay(&mut page, &picture.to_rgba8(), 0, 0);
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, QUALITY);
    encoder.encode_image(&DynamicImage::from(page).into_rgb8())?;
    Ok(file)
}

#[cfg(test)]
mod tests;
