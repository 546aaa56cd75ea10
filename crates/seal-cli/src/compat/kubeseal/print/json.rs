//! JSON as Go's `encoding/json` indents it.

use std::fmt::Write as _;

use super::Printed;

pub(super) fn print(value: &Printed, depth: usize, out: &mut String) {
    match value {
        Printed::Text(text) => quoted(text, out),
        Printed::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Printed::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Printed::Map(entries) if entries.is_empty() => out.push_str("{}"),
        Printed::List(items) if items.is_empty() => out.push_str("[]"),
        Printed::Map(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                line(index, depth + 1, out);
                quoted(key, out);
                out.push_str(": ");
                print(value, depth + 1, out);
            }
            end('}', depth, out);
        }
        Printed::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                line(index, depth + 1, out);
                print(item, depth + 1, out);
            }
            end(']', depth, out);
        }
    }
}

fn line(index: usize, depth: usize, out: &mut String) {
    out.push_str(if index == 0 { "\n" } else { ",\n" });
    (0..depth).for_each(|_| out.push_str("  "));
}

fn end(bracket: char, depth: usize, out: &mut String) {
    out.push('\n');
    (0..depth).for_each(|_| out.push_str("  "));
    out.push(bracket);
}

/// Go escapes what could end a script element in HTML, too.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::super::Printed;
    use super::print;

    fn printed(value: &Printed) -> String {
        let mut out = String::new();
        print(value, 0, &mut out);
        out
    }

    #[test]
    fn objects_are_indented_by_two_blanks_and_empty_ones_are_not() {
        let object = Printed::Map(vec![
            ("b".into(), Printed::Map(vec![("x".into(), Printed::Bool(true))])),
            ("a".into(), Printed::Map(Vec::new())),
            ("l".into(), Printed::List(vec![Printed::Number(1), Printed::text("t")])),
        ]);
        assert_eq!(
            printed(&object),
            "{\n  \"b\": {\n    \"x\": true\n  },\n  \"a\": {},\n  \"l\": [\n    1,\n    \"t\"\n  ]\n}"
        );
    }

    #[test]
    fn texts_are_escaped_as_go_does_it() {
        let text = Printed::text("a\"\\\n\t\u{8}\u{1}<&>\u{2028}ü\u{7f}");
        assert_eq!(
            printed(&text),
            "\"a\\\"\\\\\\n\\t\\b\\u0001\\u003c\\u0026\\u003e\\u2028ü\u{7f}\""
        );
    }
}
