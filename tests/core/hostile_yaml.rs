//! Sources made to cost much: reading them takes time and memory in proportion to their bytes, and no stack.
//!
//! Each source is so long that work that grows with the square of its length takes minutes, while linear work takes
//! well under a second even without optimisation; so the bound may be a generous one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use seal_core::format::yaml;

/// Bytes of a source, more or less.
const SIZE: usize = 300_000;
const BOUND: Duration = Duration::from_secs(20);
/// Far less than 10,000 levels of recursion need.
const STACK: usize = 256 * 1024;

/// As deep as go-yaml reads.
const LEVELS: usize = 10_000;

/// Reads on a small stack; the number of nodes, or why the source is refused.
fn read(name: &str, source: String) -> Result<usize, String> {
    let (sender, receiver) = mpsc::channel();
    let parse = move || {
        let outcome = yaml::parse(source.as_bytes());
        let nodes = outcome.map(|stream| stream.documents.iter().map(|one| one.nodes.len()).sum());
        sender.send(nodes.map_err(|error| error.to_string())).unwrap();
    };
    let reader = thread::Builder::new().stack_size(STACK).spawn(parse).unwrap();
    match receiver.recv_timeout(BOUND) {
        Ok(outcome) => {
            reader.join().unwrap();
            outcome
        }
        Err(_) => panic!("{name}: not read within {BOUND:?}"),
    }
}

fn accepts(name: &str, source: String) {
    let nodes = read(name, source).unwrap_or_else(|problem| panic!("{name}: {problem}"));
    assert!(nodes > 0, "{name}: nothing was read");
}

fn refuses(name: &str, source: String, reason: &str) {
    let problem = read(name, source).expect_err(name);
    assert!(problem.contains(reason), "{name}: {problem}");
}

/// `unit` as often as fits.
fn many(unit: &str) -> String {
    unit.repeat(SIZE / unit.len())
}

/// As many different pieces as fit, about.
fn different(piece: impl Fn(usize) -> String) -> String {
    (0..SIZE / piece(1000).len()).map(piece).collect()
}

/// `content` inside so many lists.
fn nested(levels: usize, content: &str) -> String {
    format!("{}{content}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn as_many_levels_are_read_as_go_yaml_reads_and_no_more() {
    accepts("flow", nested(LEVELS, "a"));
    accepts("block", format!("{}a", "- ".repeat(LEVELS)));
    let (deeper, reason) = (LEVELS + 1, "nested deeper");
    refuses("flow", nested(deeper, "a"), reason);
    refuses("block", format!("{}a", "- ".repeat(deeper)), reason);
    refuses("flow without end", many("["), reason);
    refuses("mappings without end", many("{a: "), reason);
    refuses("pairs without end", many("[a: "), reason);
    refuses("comments on each level", many("[ # c\n"), reason);
    refuses("block without end", many("- "), reason);
}

#[test]
fn indentation_of_any_depth_is_read() {
    let levels = (2 * SIZE).isqrt();
    accepts("mappings", (0..levels).map(|level| format!("{}a:\n", " ".repeat(level))).collect());
    accepts(
        "a step a line",
        (0..levels).map(|level| format!("{}-\n", " ".repeat(level))).collect(),
    );
}

#[test]
fn much_content_below_many_levels_is_read() {
    accepts("values", nested(LEVELS - 1, &many("a,")));
    accepts("lists", nested(LEVELS - 1, &many("[],")));
    accepts("dropped comments", nested(LEVELS - 2, &many("[ # c\n],")));
    let line = format!("{}a\n", "- ".repeat(LEVELS - 1));
    accepts("levels opened and closed on each line", line.repeat(4 * SIZE / line.len()));
}

#[test]
fn comments_in_any_number_are_read() {
    accepts("heads", many("# c\n") + "a");
    accepts("heads apart", many("# c\n\n") + "a");
    accepts("feet and lines", many("- a # c\n# d\n\n# e\n"));
    accepts("feet of a parent", format!("a:\n{}", many("  - b\n# c\n\n")));
    accepts("under a dash", many("- # c\n  - a\n"));
    accepts("before markers", many("# c\n---\n"));
    accepts("far from their line", many(&format!("- a{}# c\n", " ".repeat(500))));
    accepts("apart by many lines", many(&format!("# c{}", "\n".repeat(500))) + "a");
    let deep = format!("{}a\n", "- ".repeat(LEVELS));
    accepts("behind many levels", deep.clone() + &many("  # c\n\n"));
    accepts("behind many levels, in the first column", deep + &many("# c\n\n") + "- b\n");
}

#[test]
fn comments_that_go_yaml_drops_are_found_in_any_number() {
    accepts("behind brackets", format!("[{}]", many("[ # c\n], ")));
    accepts("behind commas", format!("[{}]", many("a # c\n , ")));
    accepts("in groups", format!("[{}]", many("a, # c\n # d\n\n")));
    let entries = different(|number| format!("k{number}: # c\n 1, "));
    accepts("behind keys", format!("{{{entries}}}"));
}

#[test]
fn aliases_in_any_number_are_read() {
    accepts("anchors", different(|number| format!("- &a{number} b\n")));
    accepts("aliases", "- &a b\n".to_owned() + &many("- *a\n"));
    accepts("merges", "- &a {x: 1}\n".to_owned() + &many("- <<: *a\n"));
    let large = format!("- &a \"{}\\n\"\n", many("x"));
    accepts("aliases of a large value", large + &many("- *a\n"));
}

#[test]
fn aliases_cannot_multiply() {
    let reason = "multiply without end";
    let large = format!("- &a {}\n", many("x"));
    refuses("a large key again and again", large + &many("- *a : 1\n"), reason);
    let line = |number: usize| {
        let aliases = format!("*a{},", number.saturating_sub(1)).repeat(9);
        format!("a{number}: &a{number} [{aliases}]\n")
    };
    let lines: String = (1..1000).map(line).collect();
    refuses("lists of lists of lists", format!("a0: &a0 [x]\n{lines}"), reason);
}

#[test]
fn keys_may_be_aliases_of_texts_of_usual_length() {
    let key = "k".repeat(200);
    accepts("keys", format!("- &a {key}\n") + &"- *a : 1\n".repeat(300));
}

#[test]
fn tags_in_any_number_are_read() {
    accepts("tags", many("- !!str a\n"));
    let declared = different(|number| format!("%TAG !a{number}! x\n"));
    accepts("directives", declared.clone() + "---\na\n");
    let uses = different(|number| format!("- !a{}!x b\n", number % 1000));
    accepts("directives and their use", format!("{declared}---\n{uses}"));
}

#[test]
fn a_prefix_of_a_tag_cannot_multiply() {
    let source = |length| format!("%TAG !a! {}\n---\n{}", "x".repeat(length), many("- !a!x b\n"));
    accepts("the longest prefix", source(256));
    refuses("a longer prefix", source(257), "longer than 256 bytes");
}

#[test]
fn long_scalars_are_read() {
    accepts("plain, many lines", many("a\n"));
    accepts("plain, empty lines", many("a\n\n"));
    accepts("plain, one line", many("a "));
    accepts("quoted, many lines", format!("\"{}\"", many("a\n")));
    accepts("quoted, escapes", format!("\"{}\"", many("\\n")));
    accepts("quoted, escaped breaks", format!("\"{}\"", many("\\\n")));
    accepts("literal", format!("|\n{}", many(" a\n")));
    accepts("literal, empty lines", format!("|\n{}", many("\n")));
    accepts("literal, breaks of Unicode", format!("|\n {}", many("x\u{2028} ")));
    accepts("folded", format!(">\n{}", many(" a\n\n")));
    accepts("characters of many bytes", format!("a: {}", many("😀é–")));
}

#[test]
fn whatever_may_be_a_key_is_read_once() {
    accepts("items of a list", format!("[{}]", many("a a,")));
    accepts("items of two bytes", format!("[{}]", many("é,")));
    accepts("pairs", format!("[{}]", many("a: b, ")));
    refuses("a list behind each word", format!("[{}", many("a a [")), "is expected");
    refuses("keys without end", many("? "), "a key has to be");
}

#[test]
fn large_collections_are_read() {
    accepts("keys", different(|number| format!("k{number}: 1\n")));
    accepts("long keys", different(|number| format!("{}{number}: 1\n", "k".repeat(900))));
    accepts("keys in braces", format!("{{{}}}", different(|number| format!("k{number}: 1,"))));
    accepts("empty items", many("-\n"));
    accepts("empty collections", format!("[{}]", many("{},")));
    accepts("documents", many("---\n"));
    accepts("block scalars", many("- |\n a\n"));
}
