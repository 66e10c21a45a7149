//! Lanes asked for a request over the number of lanes, as an SVG.

use std::fmt::Write;

use crate::simulated::{Cell, LANES, LOADS, NGINX};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 60.0;
const BOTTOM: f64 = 50.0;
const TOP: f64 = 20.0;
/// For the names of the lines.
const RIGHT: f64 = 150.0;
/// One for each load; dashes tell the nginx apart.
const COLOURS: [&str; 3] = ["#2a9d8f", "#e9a03b", "#c1440e"];
const DASHES: [&str; 3] = ["none", "7 4", "2 4"];
const MOST_TRIES: f64 = 64.0;

pub(crate) fn draw(cells: &[Cell]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    axes(&mut svg);
    for (load, colour) in LOADS.into_iter().zip(COLOURS) {
        for (nginx, dash) in NGINX.into_iter().zip(DASHES) {
            let of_line = |cell: &&Cell| cell.nginx == nginx && (cell.load - load).abs() < 1e-9;
            let line: Vec<&Cell> = cells.iter().filter(of_line).collect();
            draw_line(&mut svg, &line, colour, dash);
        }
    }
    legend(&mut svg);
    svg + "</svg>\n"
}

fn axes(svg: &mut String) {
    for lanes in LANES {
        text(
            svg,
            x(lanes),
            HEIGHT - BOTTOM + 18.0,
            "middle",
            &lanes.to_string(),
        );
    }
    text(
        svg,
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 10.0,
        "middle",
        "lanes",
    );
    for tries in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0] {
        let (y, right) = (y(tries), WIDTH - RIGHT);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>"
        );
        text(svg, LEFT - 8.0, y + 4.0, "end", &tries.to_string());
    }
    text(svg, LEFT, TOP - 6.0, "start", "lanes asked for a request");
}

fn draw_line(svg: &mut String, line: &[&Cell], colour: &str, dash: &str) {
    let points = line
        .iter()
        .map(|cell| format!("{:.1},{:.1}", x(cell.lanes), y(cell.tries)));
    let points: Vec<String> = points.collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" \
         stroke-dasharray=\"{dash}\"/>",
        points.join(" ")
    );
}

fn legend(svg: &mut String) {
    let left = WIDTH - RIGHT + 15.0;
    let mut row = TOP + 15.0;
    for (load, colour) in LOADS.into_iter().zip(COLOURS) {
        for (nginx, dash) in NGINX.into_iter().zip(DASHES) {
            let _ = writeln!(
                svg,
                "<line x1=\"{left}\" y1=\"{:.1}\" x2=\"{}\" y2=\"{:.1}\" stroke=\"{colour}\" \
                 stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>",
                row - 4.0,
                left + 30.0,
                row - 4.0
            );
            text(
                svg,
                left + 36.0,
                row,
                "start",
                &format!("load {load}, {nginx} nginx"),
            );
            row += 18.0;
        }
    }
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#333\">{words}</text>"
    );
}

/// Both axes are logarithmic.
fn x(lanes: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let share = (lanes as f64).log2() / (LANES[LANES.len() - 1] as f64).log2();
    LEFT + share * (WIDTH - RIGHT - LEFT)
}

fn y(tries: f64) -> f64 {
    let share = tries.clamp(1.0, MOST_TRIES).log2() / MOST_TRIES.log2();
    HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
}
