//! Plots as SVG: bars with their spread.

use std::fmt::Write;

use onelane_lab::figures::Spread;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 130.0;
const ROW: f64 = 24.0;
const TOP: f64 = 46.0;
const OURS: &str = "#1f6f8b";
const THEIRS: &str = "#b9b4a7";

/// Where a value lies between the ends of an axis; a logarithmic one, because what is compared here
/// differs by orders of magnitude.
struct Axis {
    least: f64,
    most: f64,
}

impl Axis {
    /// From the power of ten below all values to the one above.
    fn around(values: impl Iterator<Item = f64> + Clone) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min).max(1e-6);
        let most = values.fold(0.0, f64::max).max(least * 2.0);
        Self {
            least: least.log10().floor(),
            most: most.log10().ceil(),
        }
    }

    fn share(&self, value: f64) -> f64 {
        ((value.max(1e-9).log10() - self.least) / (self.most - self.least)).clamp(0.0, 1.0)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let (mut exponent, most) = (self.least, self.most);
        std::iter::from_fn(move || {
            let tick = (exponent <= most).then(|| 10_f64.powf(exponent));
            exponent += 1.0;
            tick
        })
    }
}

/// One bar for each; ours stand out.
pub(super) fn bars(title: &str, unit: &str, bars: &[(String, Spread)]) -> String {
    let axis = Axis::around(
        bars.iter()
            .flat_map(|(_, spread)| [spread.least, spread.most]),
    );
    let inner = WIDTH - LEFT - RIGHT;
    let x = |value| LEFT + inner * axis.share(value);
    #[allow(clippy::cast_precision_loss, reason = "a few dozen")]
    let height = TOP + ROW * bars.len() as f64 + 16.0;
    let mut svg = open(title, height);
    for tick in axis.ticks() {
        let at = x(tick);
        put(
            &mut svg,
            format_args!(
                r##"<line x1="{at:.1}" y1="{TOP}" x2="{at:.1}" y2="{:.1}" stroke="#ddd"/><text x="{at:.1}" y="{:.1}" text-anchor="middle" fill="#666">{tick}</text>"##,
                height - 14.0,
                TOP - 6.0
            ),
        );
    }
    let mut y = TOP;
    for (name, spread) in bars {
        let color = if name.contains("onelane") || name.contains("shipped") {
            OURS
        } else {
            THEIRS
        };
        let middle = y + ROW / 2.0;
        put(
            &mut svg,
            format_args!(
                r##"<text x="{:.1}" y="{:.1}" text-anchor="end">{name}</text><rect x="{LEFT}" y="{:.1}" width="{:.1}" height="{:.1}" fill="{color}"/><line x1="{:.1}" y1="{middle:.1}" x2="{:.1}" y2="{middle:.1}" stroke="#222" stroke-width="2"/><text x="{:.1}" y="{:.1}">{} {unit}</text>"##,
                LEFT - 8.0,
                middle + 4.0,
                y + 3.0,
                x(spread.median) - LEFT,
                ROW - 6.0,
                x(spread.least),
                x(spread.most),
                x(spread.most) + 8.0,
                middle + 4.0,
                short(spread.median)
            ),
        );
        y += ROW;
    }
    svg + "</svg>\n"
}

fn open(title: &str, height: f64) -> String {
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/><text x="12" y="20" font-size="15" font-weight="bold">{title}</text>"##
    ) + "\n"
}

fn put(svg: &mut String, element: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(svg, "{element}");
}

/// Three digits that matter.
fn short(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}
