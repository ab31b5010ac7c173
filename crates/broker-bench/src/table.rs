//! What came out: an aligned table for reading, JSON for comparing runs.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::{figures::median, peers::Peer, scenario::Column};

/// The rounds of one case.
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) columns: &'static [Column],
    pub(crate) rows: Vec<Row>,
}

/// The rounds of one server: each has a value for every column.
pub(crate) struct Row {
    pub(crate) peer: Peer,
    pub(crate) rounds: Vec<Vec<f64>>,
}

impl Row {
    fn values(&self, column: usize) -> Vec<f64> {
        self.rounds.iter().map(|round| round[column]).collect()
    }

    fn median(&self, column: usize) -> f64 {
        median(&self.values(column))
    }
}

impl Table {
    /// Writes the medians over all rounds; of the first column also the least
    /// and the greatest value, and how it stands to the floor and the original.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut lines = vec![self.header()];
        lines.extend(self.rows.iter().map(|row| self.line(row)));
        let width = |cell: usize| {
            let widths = lines.iter().map(|line| line[cell].chars().count());
            widths.max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
        writeln!(out, "\n{}", self.title)?;
        for line in &lines {
            let (name, cells) = (&line[0], &line[1..]);
            write!(out, "  {name:<0$}", widths[0])?;
            for (cell, width) in cells.iter().zip(&widths[1..]) {
                write!(out, "  {cell:>width$}")?;
            }
            writeln!(out)?;
        }
        out.flush()
    }

    fn header(&self) -> Vec<String> {
        let mut titles = self.columns.iter().map(|column| column.title.to_owned());
        let mut header = vec![String::new()];
        header.extend(titles.next());
        header.extend(["least-most", "x floor", "x npm wsbroker"].map(str::to_owned));
        header.extend(titles);
        header
    }

    fn line(&self, row: &Row) -> Vec<String> {
        let mut line = vec![row.peer.title().to_owned()];
        for (index, column) in self.columns.iter().enumerate() {
            let decimals = column.decimals;
            line.push(format!("{:.decimals$}", row.median(index)));
            if index == 0 {
                let values = row.values(0);
                let least = values.iter().copied().fold(f64::INFINITY, f64::min);
                let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                line.push(format!("{least:.decimals$}-{most:.decimals$}"));
                line.push(self.ratio(row, Peer::Floor));
                line.push(self.ratio(row, Peer::NpmWsbroker));
            }
        }
        line
    }

    /// The first column of `row` in units of that of `unit`.
    fn ratio(&self, row: &Row, unit: Peer) -> String {
        let Some(unit) = self.rows.iter().find(|other| other.peer == unit) else {
            return "-".to_owned();
        };
        let ratio = row.median(0) / unit.median(0);
        if !ratio.is_finite() {
            "-".to_owned()
        } else if ratio < 0.1 {
            format!("{ratio:.4}")
        } else {
            format!("{ratio:.2}")
        }
    }

    /// `{"title","columns":[…],"rows":[{"server","medians":[…],"rounds":[[…]]}]}`.
    pub(crate) fn to_json(&self) -> Value {
        let columns: Vec<_> = self.columns.iter().map(|column| column.title).collect();
        let rows = self.rows.iter().map(|row| {
            let medians: Vec<f64> = (0..columns.len()).map(|index| row.median(index)).collect();
            json!({"server": row.peer.title(), "medians": medians, "rounds": row.rounds})
        });
        json!({"title": self.title, "columns": columns, "rows": rows.collect::<Vec<_>>()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_up_and_compares() {
        const COLUMNS: &[Column] = &[Column::new("CPU µs", 1), Column::new("p99", 0)];
        let row = |peer, rounds: &[[f64; 2]]| Row {
            peer,
            rounds: rounds.iter().map(|round| round.to_vec()).collect(),
        };
        let table = Table {
            title: "things".to_owned(),
            columns: COLUMNS,
            rows: vec![
                row(Peer::Wsbroker, &[[4.0, 70.0], [5.0, 80.0], [3.5, 90.0]]),
                row(Peer::Floor, &[[2.0, 7.0], [2.5, 8.0], [1.0, 9.0]]),
            ],
        };
        let mut out = Vec::new();
        table.write(&mut out).expect("a Vec takes it");
        let expected = "
things
            CPU µs  least-most  x floor  x npm wsbroker  p99
  wsbroker     4.0     3.5-5.0     2.00               -   80
  floor        2.0     1.0-2.5     1.00               -    8
";
        assert_eq!(String::from_utf8_lossy(&out), expected);
        assert_eq!(table.to_json()["rows"][0]["medians"], json!([4.0, 80.0]));
    }
}
