//! Which object of the changed text is which of the earlier version.

use std::collections::HashMap;

use super::super::previous::ObjectName;

/// For each new object, the old one that it is: by its name where that stands once in both versions, else by its place
/// among the rest. `same` tells whether the text of an old and a new one is the same.
///
/// Where the numbers differ, objects are taken to have been added or removed between those that stayed; a Kubernetes
/// object among them is a new one then, because another object may have had the envelope of one that is gone.
pub(super) fn pair(
    old: &[ObjectName],
    new: &[ObjectName],
    same: &dyn Fn(usize, usize) -> bool,
) -> Vec<Option<usize>> {
    let mut pairs = vec![None; new.len()];
    let mut is_taken = vec![false; old.len()];
    let (old_by_name, new_by_name) = (by_name(old), by_name(new));
    for (name, places) in &new_by_name {
        if let ([new], Some([old])) = (places.as_slice(), old_by_name.get(name).map(Vec::as_slice))
        {
            pairs[*new] = Some(*old);
            is_taken[*old] = true;
        }
    }
    let mut old_left: Vec<usize> = (0..old.len()).filter(|at| !is_taken[*at]).collect();
    let mut new_left: Vec<usize> = (0..new.len()).filter(|at| pairs[*at].is_none()).collect();
    if old_left.len() != new_left.len() {
        let is_same = |at: usize| {
            let (old, new) = (old_left.get(at), new_left.get(at));
            old.zip(new).is_some_and(|(old, new)| same(*old, *new))
        };
        let front = (0..).take_while(|at| is_same(*at)).count();
        for (old, new) in old_left.drain(..front).zip(new_left.drain(..front)) {
            pairs[new] = Some(old);
        }
        while let (Some(old), Some(new)) = (old_left.last(), new_left.last()) {
            if !same(*old, *new) {
                break;
            }
            pairs[*new] = Some(*old);
            old_left.pop();
            new_left.pop();
        }
        old_left.retain(|at| is_nameless(&old[*at]));
        new_left.retain(|at| is_nameless(&new[*at]));
    }
    for (old, new) in old_left.into_iter().zip(new_left) {
        pairs[new] = Some(old);
    }
    pairs
}

fn by_name(names: &[ObjectName]) -> HashMap<&ObjectName, Vec<usize>> {
    let mut places: HashMap<&ObjectName, Vec<usize>> = HashMap::new();
    for (place, name) in names.iter().enumerate() {
        places.entry(name).or_default().push(place);
    }
    places
}

fn is_nameless((api_version, kind, ..): &ObjectName) -> bool {
    api_version.is_empty() && kind.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str) -> ObjectName {
        ("v1".into(), "Secret".into(), None, Some(name.into()))
    }

    fn pairs(old: &[&str], new: &[&str]) -> Vec<Option<usize>> {
        let names = |texts: &[&str]| -> Vec<ObjectName> {
            let name = |text: &&str| match text.strip_prefix('-') {
                Some(_) => ObjectName::default(),
                None => secret(text),
            };
            texts.iter().map(name).collect()
        };
        pair(&names(old), &names(new), &|at, to| old[at] == new[to])
    }

    #[test]
    fn objects_are_found_by_name_wherever_they_stand() {
        assert_eq!(pairs(&["a", "b", "c"], &["c", "a", "b"]), [Some(2), Some(0), Some(1)]);
        assert_eq!(pairs(&["a", "b", "c"], &["c", "x", "y", "a"]), [Some(2), None, None, Some(0)]);
    }

    #[test]
    fn a_renamed_object_is_found_by_its_place() {
        assert_eq!(pairs(&["a", "b", "c"], &["a", "x", "c"]), [Some(0), Some(1), Some(2)]);
        assert_eq!(pairs(&["a", "b"], &["x", "y"]), [Some(0), Some(1)]);
    }

    #[test]
    fn a_copy_is_a_new_object() {
        assert_eq!(pairs(&["a"], &["a", "a"]), [Some(0), None]);
        assert_eq!(pairs(&["a", "b"], &["a", "a", "b"]), [Some(0), None, Some(1)]);
    }

    #[test]
    fn documents_without_a_name_are_found_between_those_that_stayed() {
        assert_eq!(pairs(&["-1"], &["-2"]), [Some(0)]);
        assert_eq!(pairs(&["-1", "-2"], &["-1", "-new", "-2"]), [Some(0), None, Some(1)]);
        assert_eq!(pairs(&["-1", "-2"], &["-1", "-2x", "-new"]), [Some(0), Some(1), None]);
        assert_eq!(pairs(&["-1", "-2", "-3"], &["-1", "-3"]), [Some(0), Some(2)]);
    }

    #[test]
    fn every_object_is_found_once() {
        for (old, new) in [(vec!["a", "a"], vec!["a"]), (vec!["-1", "-1"], vec!["-1"])] {
            let found: Vec<_> = pairs(&old, &new).into_iter().flatten().collect();
            assert_eq!(found, [0]);
        }
    }
}
