//! The results as tables, and where they are kept.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::Results;
use crate::chart;
use crate::measured;
use crate::simulated::{Cell, LOADS, NGINX, OVERLOADS};

/// What the document has below this line is written by the bench.
const FROM_HERE: &str = "<!-- make bench BENCH=growth writes what follows -->\n";

/// What was measured when the document was last written as a whole.
pub(crate) fn measured_before() -> Result<Vec<measured::Cell>, String> {
    #[derive(Deserialize)]
    struct Before {
        measured: Vec<measured::Cell>,
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("growth.json");
    let text = fs::read_to_string(&path).map_err(|err| format!("{}: {err}", path.display()))?;
    let before: Before = serde_json::from_str(&text).map_err(|err| err.to_string())?;
    Ok(before.measured)
}

pub(crate) fn write(results: &Results) -> Result<(), String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR"));
    let write = |name: &str, text: &str| {
        let path = docs.join(name);
        fs::write(&path, text).map_err(|err| format!("{}: {err}", path.display()))
    };
    let json = serde_json::to_string_pretty(results).expect("numbers and strings can be written");
    write("growth.json", &(json + "\n"))?;
    write("growth.svg", &chart::draw(&results.simulated))?;
    let document = docs.join("growth.md");
    let text = fs::read_to_string(&document).unwrap_or_default();
    let (prose, _) = text.split_once(FROM_HERE).unwrap_or((&text, ""));
    write(
        "growth.md",
        &format!("{prose}{FROM_HERE}\n{}", tables(results)),
    )
}

pub(crate) fn tables(results: &Results) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = measured(&mut text, &results.measured);
    let _ = simulated(&mut text, &results.simulated);
    let _ = overload(&mut text, results);
    let _ = thousand(&mut text, results);
    text
}

fn measured(text: &mut String, cells: &[measured::Cell]) -> std::fmt::Result {
    writeln!(text, "## Measured, and simulated on the same arrivals\n")?;
    writeln!(
        text,
        "Load {}, exponential around 100 ms. Behind the slash: the model, and its error in the mean response.\n",
        measured::LOAD
    )?;
    writeln!(
        text,
        "| lanes | nginx | requests | lanes asked for a request | mean response, ms | error | ideal, ms | nginx CPU, µs for a request | for a lane asked |"
    )?;
    writeln!(text, "|--:|--:|--:|--:|--:|--:|--:|--:|--:|")?;
    for cell in cells {
        let not_200 = match cell.failed {
            0 => String::new(),
            failed => format!(" ({failed} not 200)"),
        };
        writeln!(
            text,
            "| {} | {} | {}{not_200} | {:.2} / {:.2} | {:.0} / {:.0} | {:+.1} % | {:.0} | {:.0} | {:.0} |",
            cell.lanes,
            cell.nginx,
            cell.requests,
            cell.tries,
            cell.simulated_tries,
            cell.mean_ms,
            cell.simulated_mean_ms,
            cell.error() * 100.0,
            cell.ideal_mean_ms,
            cell.nginx_us,
            cell.nginx_us / cell.tries,
        )?;
    }
    let mean = |error: fn(f64) -> f64| {
        let errors = cells.iter().map(|cell| error(cell.error()));
        errors.sum::<f64>() / f64::from(u32::try_from(cells.len()).unwrap_or(1)) * 100.0
    };
    writeln!(
        text,
        "\nThe model's error in the mean of these rows: {:+.1} %, without its sign {:.1} %.",
        mean(|error| error),
        mean(f64::abs)
    )
}

fn simulated(text: &mut String, cells: &[Cell]) -> std::fmt::Result {
    writeln!(text, "\n## Simulated\n")?;
    writeln!(
        text,
        "Lanes asked for a request, what that adds to the mean wait of the ideal queue, and the ratio to its p99 response time; exponential around 100 ms.\n"
    )?;
    writeln!(
        text,
        "| load | lanes | 1 nginx | 2 nginx | 4 nginx |\n|--:|--:|--:|--:|--:|"
    )?;
    for load in LOADS {
        let of_load: Vec<&Cell> = cells.iter().filter(|cell| same(cell.load, load)).collect();
        for row in of_load.chunks(NGINX.len()) {
            write!(text, "| {load} | {} |", row[0].lanes)?;
            for cell in row {
                write!(
                    text,
                    " {:.1}, +{:.1} ms, ×{:.2} |",
                    cell.tries,
                    cell.added_ms.max(0.0),
                    cell.p99_ratio
                )?;
            }
            writeln!(text)?;
        }
    }
    Ok(())
}

fn same(one: f64, other: f64) -> bool {
    (one - other).abs() < f64::EPSILON
}

fn overload(text: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Simulated: more than the lanes can do, one nginx\n"
    )?;
    writeln!(
        text,
        "Lanes asked for a request and in a second, after how long 99 % of the refusals have come, and how long those wait who are served, by load; limits as shipped.\n"
    )?;
    let heads = OVERLOADS.map(|load| format!(" × {load} |")).concat();
    writeln!(text, "| lanes |{heads}\n|--:|--:|--:|--:|")?;
    for row in results.overload.chunks(OVERLOADS.len()) {
        write!(text, "| {} |", row[0].lanes)?;
        for cell in row {
            write!(
                text,
                " {:.1}, {:.0} a second; {:.1} ms; {:.0} ms |",
                cell.tries, cell.tries_per_second, cell.refused_p99_ms, cell.wait_ms
            )?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn thousand(text: &mut String, results: &Results) -> std::fmt::Result {
    if results.thousand.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\n## Simulated: 1024 lanes at load 0.95, shared or divided\n"
    )?;
    writeln!(
        text,
        "| | lanes asked for a request | added wait | p99 to the ideal of as many lanes |\n|---|--:|--:|--:|"
    )?;
    for (name, cell) in &results.thousand {
        writeln!(
            text,
            "| {name} | {:.1} | {:.1} ms | ×{:.2} |",
            cell.tries, cell.added_ms, cell.p99_ratio
        )?;
    }
    Ok(())
}
