//! Metadata in formats without nesting: `age__list_0__map_recipient` stands for a place in a tree.

use std::borrow::Cow;
use std::collections::HashMap;

use super::SyntaxError;
use super::tree::Tree;
use crate::document::{Content, Key, Position, Span, Style, Value};
use crate::envelope::Field;

const MAP: &str = "__map_";
const LIST: &str = "__list_";

/// The envelope's own name, which is that of its node in the tree.
pub(super) const ENVELOPE: &str = "sops";

/// Deeper than any metadata; what else is this deep was made to cost.
const MAX_DEPTH: usize = 32;

/// One line of metadata.
pub(super) struct Line<'s> {
    /// The key, without a prefix.
    pub(super) key: &'s str,
    pub(super) key_span: Span,
    pub(super) value: Cow<'s, str>,
    /// Where the value stands.
    pub(super) span: Span,
}

/// The lines of a block, sorted by key as SOPS ≥ 3.13 writes them, with `\n` for line breaks.
pub(super) fn flatten(fields: &Field) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    if let Field::Map(entries) = fields {
        entries.iter().for_each(|(key, field)| add(&mut lines, key.clone(), field));
    }
    lines.sort();
    lines
}

fn add(lines: &mut Vec<(String, String)>, key: String, field: &Field) {
    match field {
        Field::Text(text) => lines.push((key, text.replace('\n', "\\n"))),
        Field::Int(int) => lines.push((key, int.to_string())),
        Field::Bool(flag) => lines.push((key, flag.to_string())),
        Field::List(items) => {
            for (index, item) in items.iter().enumerate() {
                add(lines, format!("{key}{LIST}{index}"), item);
            }
        }
        Field::Map(entries) => {
            for (name, entry) in entries {
                add(lines, format!("{key}{MAP}{name}"), entry);
            }
        }
    }
}

/// What a text of the metadata means: two characters stand for a line break.
pub(super) fn line_breaks(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.contains("\\n") {
        true => Cow::Owned(text.replace("\\n", "\n")),
        false => text,
    }
}

/// Adds the envelope to the tree, as a mapping that spans `span`.
///
/// # Errors
/// Keys that contradict one another, and lists with a gap: SOPS would take what is missing for an empty key.
pub(super) fn add_envelope<'s>(
    tree: &mut Tree<'s>,
    source: &[u8],
    mut lines: Vec<Line<'s>>,
    span: Span,
) -> Result<(), SyntaxError> {
    let mut places = Places::new();
    for (number, line) in lines.iter().enumerate() {
        places.insert(number, line.key).map_err(|problem| SyntaxError {
            position: Position::of(source, line.key_span.start),
            problem: problem.to_owned(),
        })?;
    }
    places.sort_lists().map_err(|line| SyntaxError {
        position: Position::of(source, lines[line].key_span.start),
        problem: "a list of the metadata has a gap before this item".to_owned(),
    })?;
    let key_span = lines.first().map_or(span, |line| line.key_span);
    let key = Key { text: Cow::Borrowed(ENVELOPE), span: key_span, is_string: true };
    tree.open(Some(key), span, Content::Mapping { flow: false });
    places.write(tree, ROOT, &mut lines);
    tree.close();
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Step<'s> {
    Key(&'s str),
    Index(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Map,
    List,
    /// The line with that number.
    Value(usize),
}

struct Place<'s> {
    step: Step<'s>,
    shape: Shape,
    /// The first line that stands here or below.
    line: usize,
    below: Vec<usize>,
}

/// The tree that the keys describe.
struct Places<'s> {
    places: Vec<Place<'s>>,
    /// By the place above and the step from there.
    known: HashMap<(usize, Step<'s>), usize>,
}

const ROOT: usize = 0;

impl<'s> Places<'s> {
    fn new() -> Self {
        let root =
            Place { step: Step::Key(ENVELOPE), shape: Shape::Map, line: 0, below: Vec::new() };
        Self { places: vec![root], known: HashMap::new() }
    }

    fn insert(&mut self, line: usize, key: &'s str) -> Result<(), &'static str> {
        let steps = steps(key)?;
        let mut at = ROOT;
        for (index, step) in steps.iter().enumerate() {
            let shape = match steps.get(index + 1) {
                Some(Step::Key(_)) => Shape::Map,
                Some(Step::Index(_)) => Shape::List,
                None => Shape::Value(line),
            };
            let place = Place { step: *step, shape, line, below: Vec::new() };
            match self.known.get(&(at, *step)).map(|known| (*known, self.places[*known].shape)) {
                Some((known, there)) if there == shape => at = known,
                // Of a key that is there twice, whoever reads the metadata has to say so.
                Some((_, Shape::Value(_)))
                    if matches!((shape, step), (Shape::Value(_), Step::Key(_))) =>
                {
                    self.push(at, place);
                }
                Some(_) => return Err("two keys of the metadata contradict each other"),
                None => {
                    let new = self.push(at, place);
                    self.known.insert((at, *step), new);
                    at = new;
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, above: usize, place: Place<'s>) -> usize {
        self.places.push(place);
        let new = self.places.len() - 1;
        self.places[above].below.push(new);
        new
    }

    /// Puts the items of lists in order; fails with the line behind a gap.
    fn sort_lists(&mut self) -> Result<(), usize> {
        for list in 0..self.places.len() {
            if self.places[list].shape != Shape::List {
                continue;
            }
            let mut below = std::mem::take(&mut self.places[list].below);
            let index = |place: usize| match self.places[place].step {
                Step::Index(index) => index,
                Step::Key(_) => usize::MAX,
            };
            below.sort_by_key(|place| index(*place));
            let gap = below.iter().enumerate().find(|(wanted, place)| index(**place) != *wanted);
            if let Some((_, place)) = gap {
                return Err(self.places[*place].line);
            }
            self.places[list].below = below;
        }
        Ok(())
    }

    /// Adds what stands below a place; that is no deeper than [`MAX_DEPTH`].
    fn write(&self, tree: &mut Tree<'s>, at: usize, lines: &mut [Line<'s>]) {
        for below in &self.places[at].below {
            let place = &self.places[*below];
            let line = &mut lines[place.line];
            let key = match place.step {
                Step::Key(text) => {
                    Some(Key { text: text.into(), span: line.key_span, is_string: true })
                }
                Step::Index(_) => None,
            };
            let content = match place.shape {
                Shape::Map => Content::Mapping { flow: false },
                Shape::List => Content::Sequence { flow: false },
                Shape::Value(_) => {
                    let value = Value::String(line_breaks(std::mem::take(&mut line.value)));
                    tree.scalar(key, line.span, Style::Plain, value);
                    continue;
                }
            };
            tree.open(key, line.span, content);
            self.write(tree, *below, lines);
            tree.close();
        }
    }
}

/// The steps that a key stands for; the first is always a key.
fn steps(key: &str) -> Result<Vec<Step<'_>>, &'static str> {
    let mut steps = Vec::new();
    let mut rest = key;
    let mut is_index = false;
    loop {
        let next = [MAP, LIST].into_iter().filter_map(|mark| Some((rest.find(mark)?, mark))).min();
        let own = &rest[..next.map_or(rest.len(), |(at, _)| at)];
        steps.push(match is_index {
            true => Step::Index(
                index(own).ok_or("this key of the metadata has no index where one belongs")?,
            ),
            false => Step::Key(own),
        });
        if steps.len() > MAX_DEPTH {
            return Err("this key of the metadata is nested too deeply");
        }
        let Some((at, mark)) = next else { return Ok(steps) };
        rest = &rest[at + mark.len()..];
        is_index = mark == LIST;
    }
}

fn index(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::{Document, NodeId, Scalar};

    fn text(text: &str) -> Field {
        Field::Text(text.to_owned())
    }

    fn map(entries: &[(&str, Field)]) -> Field {
        Field::Map(entries.iter().map(|(key, field)| ((*key).to_owned(), field.clone())).collect())
    }

    /// The tree that flattened lines stand for.
    fn read(lines: &[(String, String)]) -> Result<Field, SyntaxError> {
        let mut tree = Tree::new(0);
        let lines = lines.iter().map(|(key, value)| Line {
            key,
            key_span: Span::default(),
            value: value.as_str().into(),
            span: Span::default(),
        });
        add_envelope(&mut tree, b"", lines.collect(), Span::default())?;
        let stream = tree.finish(0);
        let document = &stream.documents[0];
        Ok(field(document, document.entry(document.root(), ENVELOPE).unwrap()))
    }

    fn field(document: &Document<'_>, id: NodeId) -> Field {
        let children = || document.children(id);
        match &document.node(id).content {
            Content::Mapping { .. } => {
                let key =
                    |child: NodeId| document.node(child).key.as_ref().unwrap().text.to_string();
                let entries = children().map(|child| (key(child), field(document, child)));
                let sorted: std::collections::BTreeMap<String, Field> = entries.collect();
                Field::Map(sorted.into_iter().collect())
            }
            Content::Sequence { .. } => {
                Field::List(children().map(|child| field(document, child)).collect())
            }
            Content::Scalar(Scalar { value: Value::String(value), .. }) => text(value),
            _ => panic!("neither collection nor text"),
        }
    }

    #[test]
    fn a_block_becomes_sorted_lines_as_sops_writes_them() {
        let age = map(&[("enc", text("a\nb\n")), ("recipient", text("age1"))]);
        let fields = map(&[
            ("shamir_threshold", Field::Int(2)),
            (
                "key_groups",
                Field::List(vec![map(&[
                    ("age", Field::List(vec![age])),
                    ("hc_vault", Field::List(Vec::new())),
                ])]),
            ),
            ("kms", Field::List(vec![map(&[("context", map(&[("Env", text("x"))]))])])),
            ("mac_only_encrypted", Field::Bool(true)),
        ]);
        let lines = flatten(&fields);
        let lines: Vec<String> =
            lines.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            lines,
            [
                "key_groups__list_0__map_age__list_0__map_enc=a\\nb\\n",
                "key_groups__list_0__map_age__list_0__map_recipient=age1",
                "kms__list_0__map_context__map_Env=x",
                "mac_only_encrypted=true",
                "shamir_threshold=2",
            ]
        );
    }

    #[test]
    fn items_of_a_list_may_stand_in_any_order() {
        let lines: Vec<_> = (0..12)
            .rev()
            .map(|index| (format!("a__list_{index}__map_k"), index.to_string()))
            .collect();
        let items = (0..12).map(|index| map(&[("k", text(&index.to_string()))])).collect();
        assert_eq!(read(&lines).unwrap(), map(&[("a", Field::List(items))]));
    }

    fn fields() -> impl Strategy<Value = Field> {
        let leaf = "[a-z \n#;`\"']{0,8}".prop_map(Field::Text);
        let tree = leaf.prop_recursive(4, 24, 4, |inner| {
            let key = "[a-z]{1,3}(_[A-Z]{0,2})?";
            let entries = prop::collection::btree_map(key, inner.clone(), 1..4)
                .prop_map(|entries| Field::Map(entries.into_iter().collect()));
            prop_oneof![prop::collection::vec(inner, 1..4).prop_map(Field::List), entries]
        });
        prop::collection::btree_map("[a-z]{1,3}", tree, 1..5)
            .prop_map(|entries| Field::Map(entries.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn what_is_flattened_is_read_as_it_was(fields in fields()) {
            prop_assert_eq!(read(&flatten(&fields)).unwrap(), fields);
        }

        #[test]
        fn keys_never_panic(
            keys in prop::collection::vec("[ab]?(__map_|__list_)?[0-9ab]{0,2}(__list_[01])?(__map_)?", 0..6),
        ) {
            let lines: Vec<_> = keys.into_iter().map(|key| (key, String::new())).collect();
            let _ = read(&lines);
        }
    }
}
