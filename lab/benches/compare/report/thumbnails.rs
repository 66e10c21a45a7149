//! (f) Real work.

use super::Section;
use super::plot::bars;
use super::table::{groups, table};
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
    let contenders = groups(rows, |row| row.contender.clone());
    let lines = contenders.iter().map(|mine| {
        let times = |median: fn(&Row) -> f64, p99: fn(&Row) -> f64| {
            format!("{}, {}", mine.cell(median, 1), mine.cell(p99, 1))
        };
        vec![
            mine.key.clone(),
            mine.cell(|row| row.small.per_second, 0),
            mine.cell(|row| row.large.per_second, 1),
            mine.cell(|row| row.small.cpu_ms, 1),
            mine.cell(|row| row.large.cpu_ms, 0),
            times(|row| row.alone.p50, |row| row.alone.p99),
            times(|row| row.beside_one.p50, |row| row.beside_one.p99),
            times(|row| row.beside_two.p50, |row| row.beside_two.p99),
            mine.sum(|row| row.failed).to_string(),
        ]
    });
    let text = format!("{TEXT}{}", table(&HEAD, lines));
    let large = contenders
        .iter()
        .filter_map(|mine| Some((mine.key.clone(), mine.over(|row| row.large.per_second)?)));
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
