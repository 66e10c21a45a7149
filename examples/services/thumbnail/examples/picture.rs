//! Draws a picture to try: `cargo run --example picture -- 4000 3000 large.jpg`, or `large.png`.
//!
//! Soft waves and a little noise. As a JPEG it takes about as many bytes as a photograph of that size.

use std::env;
use std::error::Error;

use image::{Rgb, RgbImage};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [width, height, file] = &arguments[..] else {
        return Err("three arguments are needed: WIDTH HEIGHT FILE".into());
    };
    draw(width.parse()?, height.parse()?).save(file)?;
    Ok(())
}

fn draw(width: u32, height: u32) -> RgbImage {
    let mut random = fastrand::Rng::with_seed(1);
    let wave = |at: u32, times: f64| (times * f64::from(at) / f64::from(width)).sin();
    RgbImage::from_fn(width, height, |x, y| {
        let waves = wave(x, 9.0) * wave(y, 7.0) + wave(x + y, 90.0) / 2.0;
        Rgb([60.0, 48.0, 36.0].map(|swing| byte(128.0 + swing * waves + 16.0 * random.f64())))
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is from 0 to 255"
)]
fn byte(value: f64) -> u8 {
    value as u8
}
