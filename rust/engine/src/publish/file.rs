//! A whole resource file in place of the last one: only what differs is rebuilt.

use std::collections::HashMap;

use gateway_core::config::{Kind, Origin, Resource};
use gateway_core::source::{self, Environment, Format, Item, Position};
use serde_json::Value;

use super::{Change, Expressions, Mode, Problem, Publisher, Report};
use crate::settings::Settings;

/// Every mistake of a resource file.
pub fn check_file(
    text: &[u8],
    format: Format,
    environment: Environment<'_>,
    settings: &Settings,
) -> Vec<Problem> {
    // A publisher of its own tries everything out, certificates and upstreams included.
    let checked = Publisher::new(settings)
        .map_err(|message| vec![whole(message)])
        .and_then(|mut publisher| publisher.apply_file(text, format, environment, settings));
    match checked {
        Ok(report) => report.problems,
        Err(problems) => problems,
    }
}

impl Publisher {
    /// Applies the difference between `text` and the last file.
    ///
    /// # Errors
    /// Every mistake; nothing was applied.
    pub(crate) fn apply_file(
        &mut self,
        text: &[u8],
        format: Format,
        environment: Environment<'_>,
        settings: &Settings,
    ) -> Result<Report, Vec<Problem>> {
        let text = std::str::from_utf8(text).map_err(|error| {
            vec![whole(format!("the file is not UTF-8 from byte {} on", error.valid_up_to()))]
        })?;
        let items = source::read(text, format, environment, &Expressions)?;
        let (changes, file) = self.difference(items);
        let revision = self.snapshot.revision + 1;
        let report = self.apply(changes, revision, Mode::Atomic, Origin::File, settings)?;
        self.file = file;
        Ok(report)
    }

    /// What changed since the last file, and the documents of this one.
    fn difference(&self, items: Vec<Item>) -> (Vec<Change>, HashMap<(Kind, String), Value>) {
        let mut file = HashMap::with_capacity(items.len());
        let mut changes = Vec::new();
        for item in items {
            let key = (item.kind, item.id.to_string());
            if self.file.get(&key) != Some(&item.document) {
                let resource = Some(item.resource);
                changes.push(change(&key, Some(item.position), resource));
            }
            file.insert(key, item.document);
        }
        let gone = self.file.keys().filter(|key| !file.contains_key(*key));
        changes.extend(gone.map(|key| change(key, None, None)));
        (changes, file)
    }
}

/// A change of a file's resource; none removes it.
fn change(
    (kind, id): &(Kind, String),
    position: Option<Position>,
    resource: Option<Resource>,
) -> Change {
    let kind = kind.directory().to_owned();
    Change { kind, id: id.clone(), document: None, position, resource }
}

fn whole(message: String) -> Problem {
    Problem { line: 0, column: 0, path: String::new(), message, suggestion: None }
}
