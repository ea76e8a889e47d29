//! A whole resource file in place of the last one: only what differs is rebuilt.

use std::collections::HashMap;

use gateway_core::config::{Kind, Origin, Resource};
use gateway_core::source::{self, Environment, Format, Item, Position};
use serde_json::Value;

use super::{Change, Expressions, Mode, Problem, Publisher, Report};
use crate::settings::Settings;

/// A resource file, as it was read.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// All of it.
    pub text: &'a [u8],
    /// What it is written in.
    pub format: Format,
    /// Its path: problems name it, and so does whoever asks where a route came from.
    pub path: &'a str,
}

/// Documents with their places, by kind and identifier.
type Resources = HashMap<(Kind, String), (Value, Position)>;

/// What the last resource file holds.
#[derive(Debug, Default)]
pub(super) struct LastFile {
    path: Box<str>,
    resources: Resources,
}

impl LastFile {
    /// Where a resource stands: the file's path and the place in it.
    pub(super) fn place(&self, kind: Kind, id: &str) -> Option<(&str, Position)> {
        let (_, position) = self.resources.get(&(kind, id.to_owned()))?;
        Some((&self.path, *position))
    }
}

/// Every mistake of a resource file.
pub fn check_file(
    file: File<'_>,
    environment: Environment<'_>,
    settings: &Settings,
) -> Vec<Problem> {
    // A publisher of its own tries everything out, certificates and upstreams included.
    let checked = Publisher::new(settings)
        .map_err(|message| vec![whole(message)])
        .and_then(|mut publisher| publisher.apply_file(file, environment, settings));
    match checked {
        Ok(report) => report.problems,
        Err(problems) => problems,
    }
}

impl Publisher {
    /// Applies the difference between `file` and the last one.
    ///
    /// # Errors
    /// Every mistake, with the file's path; nothing was applied.
    pub(crate) fn apply_file(
        &mut self,
        file: File<'_>,
        environment: Environment<'_>,
        settings: &Settings,
    ) -> Result<Report, Vec<Problem>> {
        self.apply_text(file, environment, settings).map_err(|mut problems| {
            for problem in &mut problems {
                problem.file = Some(file.path.into());
            }
            problems
        })
    }

    fn apply_text(
        &mut self,
        file: File<'_>,
        environment: Environment<'_>,
        settings: &Settings,
    ) -> Result<Report, Vec<Problem>> {
        let text = std::str::from_utf8(file.text).map_err(|error| {
            vec![whole(format!("the file is not UTF-8 from byte {} on", error.valid_up_to()))]
        })?;
        let items = source::read(text, file.format, environment, &Expressions)?;
        let (changes, resources) = self.difference(items);
        let revision = self.snapshot.revision + 1;
        let report = self.apply(changes, revision, Mode::Atomic, Origin::File, settings)?;
        self.file = LastFile { path: file.path.into(), resources };
        Ok(report)
    }

    /// What changed since the last file, and the documents of this one.
    fn difference(&self, items: Vec<Item>) -> (Vec<Change>, Resources) {
        let last = &self.file.resources;
        let mut file = HashMap::with_capacity(items.len());
        let mut changes = Vec::new();
        for item in items {
            let key = (item.kind, item.id.to_string());
            if last.get(&key).map(|(document, _)| document) != Some(&item.document) {
                let resource = Some(item.resource);
                changes.push(change(&key, Some(item.position), resource));
            }
            file.insert(key, (item.document, item.position));
        }
        let gone = last.keys().filter(|key| !file.contains_key(*key));
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
    Problem { file: None, line: 0, column: 0, path: String::new(), message, suggestion: None }
}
