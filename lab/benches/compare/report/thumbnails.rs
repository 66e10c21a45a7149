//! (f) Real work.

use super::Section;
use super::plot::bars;
use super::table::{cell, keys, over, table};
use crate::scenarios::thumbnails::Row;

const HEAD: [&str; 9] = [
    "",
    "small ones/s",
    "large ones/s",
    "CPU ms for a small one",
    "for a large one",
    "a small one alone, ms: median, p99",
    "while one large one is drawn",
    "while two are drawn",
    "not 200",
];

pub(super) fn section(rows: &[Row]) -> Section {
    let names = keys(rows, |row| row.contender.clone());
    let of = |name: &String| -> Vec<&Row> {
        let mine = rows.iter().filter(|row| &row.contender == name);
        mine.collect()
    };
    let lines = names.iter().map(|name| {
        let figure = |figure: fn(&Row) -> f64, digits| cell(over(of(name), figure), digits);
        let times = |median, p99| format!("{}, {}", figure(median, 1), figure(p99, 1));
        let failed: usize = of(name).iter().map(|row| row.failed).sum();
        vec![
            name.clone(),
            figure(|row| row.small.per_second, 0),
            figure(|row| row.large.per_second, 1),
            figure(|row| row.small.cpu_ms, 1),
            figure(|row| row.large.cpu_ms, 0),
            times(|row| row.alone.p50, |row| row.alone.p99),
            times(|row| row.beside_one.p50, |row| row.beside_one.p99),
            times(|row| row.beside_two.p50, |row| row.beside_two.p99),
            failed.to_string(),
        ]
    });
    let text = format!("{TEXT}{}", table(&HEAD, lines));
    let large = names.iter().filter_map(|name| {
        let spread = over(of(name), |row| row.large.per_second)?;
        Some((name.clone(), spread))
    });
    let plot = bars(
        "Thumbnails of large pictures",
        "a second",
        &large.collect::<Vec<_>>(),
    );
    Section {
        text,
        plots: vec![("thumbnails", plot)],
    }
}

const TEXT: &str = "## (f) Real work: thumbnails\n\n\
    [The thumbnailer](../examples/services/thumbnail) in lanes behind nginx, and the same work in Python and PHP: a JPEG \
    in the body of a POST becomes one of 200 × 150 pixels. Small ones have 640 × 480 pixels, large ones 4000 × 3000. Two \
    workers each; four clients for the rates, one for the times.\n\n\
    Everyone takes the mean of all pixels that become one (`thumbnail` of the crate image, `Image.BOX`, \
    `imagecopyresampled`), and writes JPEG of quality 80; the crate image with colours at full resolution, Pillow and gd at half of it. `Image.thumbnail` of Pillow asks the decoder for fewer pixels than there are, which \
    only JPEG can do; in the next line Pillow decodes all of them, as the crate image and gd have to.\n\n\
    ![Thumbnails of large pictures a second](comparison/thumbnails.svg)\n\n";
