//! The table in Markdown.

use crate::measure::Cost;

/// One line of the table.
pub(crate) struct Row {
    cells: [String; 7],
}

impl Row {
    /// The wall time has to stay below `limit` seconds.
    pub(crate) fn wall(name: &str, ours: Cost, limit: Option<f64>, theirs: Option<Cost>) -> Self {
        let limit =
            limit.map(|limit| verdict(&format!("≤ {} wall", time(limit)), ours.wall <= limit));
        Self::new(name, ours, limit, theirs.map(|cost| (cost, cost.wall / ours.wall)))
    }

    /// The CPU time has to stay below `limit` seconds, memory below `memory` megabytes.
    pub(crate) fn cpu(
        name: &str,
        ours: Cost,
        limit: Option<f64>,
        memory: Option<f64>,
        theirs: Option<Cost>,
    ) -> Self {
        let limits = [
            limit.map(|limit| verdict(&format!("≤ {} CPU", time(limit)), ours.cpu <= limit)),
            memory.map(|limit| verdict(&format!("≤ {limit} MB"), ours.peak <= limit)),
        ];
        let limits: Vec<String> = limits.into_iter().flatten().collect();
        let limits = (!limits.is_empty()).then(|| limits.join(", "));
        Self::new(name, ours, limits, theirs.map(|cost| (cost, cost.cpu / ours.cpu)))
    }

    /// CPU time of ten times the input by that of the input.
    pub(crate) fn growth(name: &str, ours: f64, limit: f64, theirs: Option<f64>) -> Self {
        let none = String::new;
        let theirs = theirs.map_or_else(none, |factor| format!("{factor:.1}×"));
        let limit = verdict(&format!("≤ {limit}×"), ours <= limit);
        Self {
            cells: [name.to_owned(), format!("{ours:.1}×"), none(), none(), limit, theirs, none()],
        }
    }

    fn new(name: &str, ours: Cost, limit: Option<String>, theirs: Option<(Cost, f64)>) -> Self {
        let (peer, ratio) = match theirs {
            Some((cost, ratio)) => (
                format!("{} CPU, {} wall, {:.0} MB", time(cost.cpu), time(cost.wall), cost.peak),
                format!("{ratio:.0}×"),
            ),
            None => (String::new(), String::new()),
        };
        Self {
            cells: [
                name.to_owned(),
                time(ours.cpu),
                time(ours.wall),
                format!("{:.0} MB", ours.peak),
                limit.unwrap_or_default(),
                peer,
                ratio,
            ],
        }
    }
}

/// All rows, and below them how they were measured.
pub(crate) fn render(rows: &[Row], circumstances: &str) -> String {
    let head = ["", "CPU", "wall", "peak memory", "to reach", "sops", "ratio"].map(str::to_owned);
    let rule = ["---", "---:", "---:", "---:", "---", "---", "---:"].map(str::to_owned);
    let lines = [&head, &rule].into_iter().chain(rows.iter().map(|row| &row.cells));
    let mut text: String = lines.map(|cells| format!("| {} |\n", cells.join(" | "))).collect();
    text.push('\n');
    text.push_str(circumstances);
    text
}

/// `1 000` with a comma, as English has it.
pub(crate) fn thousands(number: usize) -> String {
    if number < 1000 {
        number.to_string()
    } else {
        format!("{},{:03}", number / 1000, number % 1000)
    }
}

fn verdict(limit: &str, reached: bool) -> String {
    if reached { limit.to_owned() } else { format!("**{limit}: missed**") }
}

fn time(seconds: f64) -> String {
    if seconds < 0.1 { format!("{:.1} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}
