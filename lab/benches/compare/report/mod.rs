//! From results to `lab/comparison.md` and its plots.

mod again;
mod bodies;
mod busy;
mod cost;
mod demonstration;
mod faults;
mod footprint;
mod plot;
mod queue;
mod table;
mod targets;
mod thumbnails;

use std::fs;
use std::path::PathBuf;

use crate::results::Results;

/// Everything above this line of the document is written by hand.
const GENERATED: &str = "<!-- From here on written by `make compare`: edits are lost. -->";

/// Measured and simulated by a bench of its own.
const GROWTH: &str = "## (j) Growth\n\nFrom one lane to 64 for real, on to thousands in a model, with one, two and four \
                      nginx: [growth.md](growth.md), measured by `make bench BENCH=growth`, which \
                      `make compare` runs next.\n\n";

/// A part of the document, and its plots by name.
struct Section {
    text: String,
    plots: Vec<(&'static str, String)>,
}

pub(crate) fn write(results: &Results) -> Result<(), String> {
    let path = here("comparison.md");
    let old = fs::read_to_string(&path).unwrap_or_default();
    let by_hand = old.split(GENERATED).next().unwrap_or_default();
    let sections = [
        targets::section(results),
        demonstration::section(&results.demonstration),
        queue::section(&results.queue),
        cost::section(&results.cost),
        footprint::section(&results.footprint),
        faults::section(&results.faults),
        thumbnails::section(&results.thumbnails),
        again::section(&results.again),
        bodies::section(&results.bodies),
        busy::section(&results.busy),
    ];
    let mut text = format!("{by_hand}{GENERATED}\n\n{}", how(results));
    for section in sections {
        text += &section.text;
        text += "\n";
        for (name, svg) in section.plots {
            save(&here(&format!("comparison/{name}.svg")), &svg)?;
        }
    }
    text += GROWTH;
    text += &commands(results);
    save(&path, &text)?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

/// For a run that only tries whether everything works, with our own servers alone.
pub(crate) fn check(results: &Results) -> Result<(), String> {
    let mut absent = results.absent.iter();
    let ours = |(name, _): &(&String, &String)| {
        name.starts_with("onelane") || name.starts_with("lanes, nginx")
    };
    if let Some((name, why)) = absent.find(ours) {
        return Err(format!("{name} did not start: {why}"));
    }
    let cost = results.cost.iter().map(|row| (&row.contender, row.failed));
    let bodies = results.bodies.iter();
    let bodies = bodies.map(|row| (&row.contender, row.failed));
    let busy = results.busy.iter().map(|row| (&row.contender, row.failed));
    let mut all = cost.chain(bodies).chain(busy);
    if let Some((contender, failed)) = all.find(|(_, failed)| *failed > 0) {
        return Err(format!("{contender}: {failed} requests failed"));
    }
    eprintln!("compare: works; nothing was written");
    Ok(())
}

fn here(name: &str) -> PathBuf {
    PathBuf::from(format!("{}/{name}", env!("CARGO_MANIFEST_DIR")))
}

fn save(path: &PathBuf, text: &str) -> Result<(), String> {
    let folder = path.parent().expect("a file of this folder has one");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|err| format!("{}: {err}", path.display()))
}

fn how(results: &Results) -> String {
    let machine = &results.machine;
    let command = match machine.effort.as_str() {
        "full" => "make compare FULL=1",
        _ => "make compare",
    };
    let mut text = format!(
        "## How it was measured\n\n\
         `{command}`, on {} CPUs ({}), revision {}. All figures are medians of the runs, with (least – most) where \
         there were several; contenders take turns within each run, so that ratios hold where absolute \
         times do not. Everything behind the tables is in [comparison.json](comparison.json).\n\n",
        machine.cpus, machine.model, machine.revision
    );
    let versions = results.versions.iter();
    text.extend(versions.map(|(name, version)| format!("- {name}: {version}\n")));
    let absent = results.absent.iter();
    text.extend(absent.map(|(name, why)| format!("- **absent**: {name}: {why}\n")));
    let later = results.later.iter();
    text.extend(later.map(|(scenario, machine)| {
        let full = if machine.effort == "full" { "--full " } else { "" };
        format!(
            "- {scenario}, measured later: `make bench BENCH=compare ARGS=\"{full}--only {scenario}\"`, revision {}\n",
            machine.revision
        )
    }));
    text + "\n"
}

fn commands(results: &Results) -> String {
    let mut text = "## Commands\n\nHow each was started; `CONFIG` is written by \
                    `lab/benches/compare/contenders/`.\n\n"
        .to_owned();
    for (name, commands) in &results.commands {
        text.extend([format!("- {name}:\n")]);
        text.extend(commands.iter().map(|command| format!("  - `{command}`\n")));
    }
    text
}
