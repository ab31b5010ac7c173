//! The nearest known name to one that is not known.

use broker_server::config::KEYS;

/// A key or section that `path` was likely meant to be.
pub(crate) fn nearest_key(path: &str) -> Option<String> {
    let keys = || KEYS.iter().map(|key| key.path);
    let (section, name) = split(path);
    // A right name in the wrong section is a likelier slip than a wrong name.
    if let Some(elsewhere) = keys().find(|key| split(key).1 == name) {
        return Some(elsewhere.to_owned());
    }
    let names_beside = keys()
        .map(split)
        .filter(|key| key.0 == section)
        .map(|key| key.1);
    if let Some(beside) = nearest(name, names_beside) {
        return Some(if section.is_empty() {
            beside.to_owned()
        } else {
            format!("{section}.{beside}")
        });
    }
    let whole = keys().chain(keys().map(|key| split(key).0));
    nearest(path, whole)
        .filter(|found| strsim::damerau_levenshtein(path, found) <= SLIPS_MAX)
        .map(str::to_owned)
}

/// How much of a full name may be wrong; sections make such names long.
const SLIPS_MAX: usize = 3;

/// The candidate that differs least from `name`, if it differs little enough
/// to be a slip: by at most a third of its letters.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance * 3 <= candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}
