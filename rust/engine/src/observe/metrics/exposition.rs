//! The text that a scraper reads: Prometheus' format 0.0.4 and `OpenMetrics` 1.0.

use std::fmt::{Display, Write};

use super::catalogue::{Family, Kind};
use super::cell::{BOUNDS, HistogramTotal};

/// Which of the two formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text format 0.0.4, which everything reads.
    #[default]
    Prometheus,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Format {
    /// The format for a request's `Accept` field: `OpenMetrics` where it is named, for clients that
    /// name it prefer it.
    pub fn accepted(accept: Option<&str>) -> Self {
        match accept {
            Some(accept) if accept.contains("application/openmetrics-text") => Self::OpenMetrics,
            _ => Self::Prometheus,
        }
    }

    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A page in the making.
#[derive(Debug)]
pub(super) struct Exposition {
    format: Format,
    text: String,
}

impl Exposition {
    pub(super) fn new(format: Format) -> Self {
        Self { format, text: String::with_capacity(16 * 1024) }
    }

    /// Begins a family. Its samples follow.
    pub(super) fn family(&mut self, family: &'static Family) -> Samples<'_> {
        let name = match (self.format, family.kind) {
            // There a counter's family has no suffix, its samples have.
            (Format::OpenMetrics, Kind::Counter) => {
                family.name.strip_suffix("_total").unwrap_or(family.name)
            }
            _ => family.name,
        };
        let _ = writeln!(self.text, "# HELP {name} {}", family.help);
        let _ = writeln!(self.text, "# TYPE {name} {}", family.kind.name());
        Samples { text: &mut self.text, family }
    }

    /// A family of one sample without labels.
    pub(super) fn single(&mut self, family: &'static Family, value: impl Display) {
        self.family(family).put(&[], value);
    }

    /// A family of one sample that may not be known.
    pub(super) fn known(&mut self, family: &'static Family, value: Option<impl Display>) {
        let mut samples = self.family(family);
        if let Some(value) = value {
            samples.put(&[], value);
        }
    }

    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// The samples of one family.
#[derive(Debug)]
pub(super) struct Samples<'a> {
    text: &'a mut String,
    family: &'static Family,
}

impl Samples<'_> {
    /// Adds a sample. Values of labels stand in the order of the family's.
    pub(super) fn put(&mut self, labels: &[&str], value: impl Display) {
        debug_assert_eq!(labels.len(), self.family.labels.len(), "{}", self.family.name);
        self.text.push_str(self.family.name);
        for (position, (name, label)) in self.family.labels.iter().zip(labels).enumerate() {
            self.text.push(if position == 0 { '{' } else { ',' });
            let _ = write!(self.text, "{name}=\"");
            push_label(self.text, label);
            self.text.push('"');
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
    }

    /// Adds a histogram of durations. Its count is the sum of its buckets, so that the two agree
    /// while a worker counts on.
    pub(super) fn histogram(&mut self, total: &HistogramTotal) {
        let name = self.family.name;
        let mut count = 0;
        let bounds = BOUNDS.iter().map(|(_, label)| *label).chain(["+Inf"]);
        for (label, bucket) in bounds.zip(total.buckets) {
            count += bucket;
            let _ = writeln!(self.text, "{name}_bucket{{le=\"{label}\"}} {count}");
        }
        let seconds = total.sum_us as f64 / 1e6;
        let _ = writeln!(self.text, "{name}_sum {seconds}\n{name}_count {count}");
    }
}

fn push_label(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}
