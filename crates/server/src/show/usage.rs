//! Usage as bars: by day, by endpoint, by account, as wide as the terminal.

use std::collections::BTreeMap;

use super::table::Look;
use crate::client::plain::plain;

/// Where there is no terminal.
const PIPED: usize = 100;

/// How many endpoints and accounts are drawn; the rest is one bar.
const MOST: usize = 20;

/// The eighths of a block (Unicode 2588 to 258F).
const EIGHTHS: [char; 8] = ['█', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// A chart of what was counted, by name.
pub(crate) struct Chart<'a> {
    /// What it shows.
    pub(crate) title: &'a str,
    /// Names and amounts.
    pub(crate) bars: &'a BTreeMap<String, u64>,
    /// Whether names have an order of their own, as days do; else the largest comes first.
    pub(crate) in_order: bool,
}

/// All charts below each other.
pub(crate) fn render(charts: &[Chart<'_>], look: Look) -> String {
    let width = look.width().unwrap_or(PIPED);
    charts.iter().map(|chart| one(chart, width)).collect::<Vec<_>>().join("\n\n")
}

fn one(chart: &Chart<'_>, width: usize) -> String {
    let sum: u64 = chart.bars.values().sum();
    let mut lines = vec![format!("{}: {sum}", chart.title)];
    let bars = sorted(chart);
    let names = bars.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).min(width / 2);
    let numbers = bars.iter().map(|(_, amount)| amount.to_string().len()).max().unwrap_or(0);
    let most = bars.iter().map(|(_, amount)| *amount).max().unwrap_or(0);
    let room = width.saturating_sub(names + numbers + 4).max(8);
    for (name, amount) in bars {
        let name: String = name.chars().take(names).collect();
        lines.push(format!("  {name:<names$} {amount:>numbers$} {}", bar(amount, most, room)));
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

fn sorted(chart: &Chart<'_>) -> Vec<(String, u64)> {
    let mut bars: Vec<_> = chart.bars.iter().map(|(name, amount)| (plain(name).into_owned(), *amount)).collect();
    if chart.in_order {
        return bars;
    }
    bars.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let rest: Vec<_> = bars.split_off(bars.len().min(MOST));
    if !rest.is_empty() {
        bars.push((format!("{} others", rest.len()), rest.iter().map(|(_, amount)| amount).sum()));
    }
    bars
}

/// A bar in eighths of a character; something is never nothing.
fn bar(amount: u64, most: u64, room: usize) -> String {
    if amount == 0 || most == 0 {
        return String::new();
    }
    let eighths = u128::from(amount) * (room as u128) * 8 / u128::from(most);
    let eighths = usize::try_from(eighths).unwrap_or(room * 8).clamp(1, room * 8);
    let mut bar = EIGHTHS[0].to_string().repeat(eighths / 8);
    if eighths % 8 > 0 {
        bar.push(EIGHTHS[eighths % 8]);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect()
    }

    #[test]
    fn days_stay_in_order_and_endpoints_are_sorted_by_size() {
        let days = bars(&[("2026-11-21", 16), ("2026-11-22", 0), ("2026-11-23", 1)]);
        let endpoints = bars(&[("files", 5), ("urls", 12)]);
        let chart = |title, bars, in_order| one(&Chart { title, bars, in_order }, 32);
        insta::assert_snapshot!(chart("By day", &days, true), @r"
        By day: 17
          2026-11-21 16 ████████████████
          2026-11-22  0
          2026-11-23  1 █
        ");
        insta::assert_snapshot!(chart("By endpoint", &endpoints, false), @r"
        By endpoint: 17
          urls  12 █████████████████████
          files  5 ████████▊
        ");
    }

    #[test]
    fn the_rest_of_many_is_one_bar_and_nothing_overflows() {
        let many: BTreeMap<_, _> = (0..MOST + 3).map(|number| (format!("e{number:02}\u{1b}"), 1)).collect();
        let shown = one(&Chart { title: "Many", bars: &many, in_order: false }, 40);
        assert!(shown.contains("3 others") && !shown.contains('\u{1b}'), "{shown}");
        assert_eq!(bar(u64::MAX, u64::MAX, 10), "█".repeat(10));
        assert_eq!(bar(1, u64::MAX, 10), "▏");
    }
}
