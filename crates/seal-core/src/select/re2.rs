//! Go's regular expressions (RE2's syntax) as the `regex` crate understands them, matching the same texts.
//!
//! SOPS ignores a rule that Go cannot compile, so a pattern must be refused here wherever Go refuses it, and one that
//! cannot be translated exactly is refused too. Groups capture nothing and greed does not matter, because only the
//! existence of a match is asked for.

use regex::{Regex, RegexBuilder};

mod class;
mod count;
mod escape;
mod problem;

use count::{Count, MAX_REPEAT};
pub use problem::{PatternError, Problem};

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern in Go's syntax.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        let translated = Translator::new(pattern).run()?;
        // The translation is valid by construction, so only the engine's limits are left to fail.
        let regex = RegexBuilder::new(&translated).build();
        regex.map(Self).map_err(|_| PatternError { at: 1, problem: Problem::TooLarge })
    }

    /// Whether the pattern matches anywhere in `text`.
    pub fn matches(&self, text: &str) -> bool {
        // Not `is_match`: it stops at the first end of any match, and where that is an ASCII `\B` inside of a
        // character (which does not count) it forgets the match that began before.
        self.0.find(text).is_some()
    }
}

/// The pattern in the syntax of the `regex` crate, with its groups and its greed, for those who want to know where it
/// matches and what its groups hold.
pub fn translate(pattern: &str) -> Result<String, PatternError> {
    let mut translator = Translator::new(pattern);
    translator.exact = true;
    translator.run()
}

struct Translator<'p> {
    pattern: &'p str,
    /// Groups and greed are kept.
    exact: bool,
    at: usize,
    out: String,
    flags: Flags,
    groups: Vec<Group>,
    last: Last,
    /// The largest product of counts in the current group so far.
    weight: u32,
}

/// The flags that matter for whether something matches.
#[derive(Clone, Copy, Default)]
struct Flags {
    fold_case: bool,
    multi_line: bool,
    dot_all: bool,
    /// Greedy and lazy are swapped. Kept in exact translations only.
    swap_greed: bool,
}

/// What is put aside while a group is read.
struct Group {
    opened_at: usize,
    flags: Flags,
    weight: u32,
    /// What closes it.
    close: &'static str,
}

/// What a repetition would repeat.
#[derive(Clone, Copy)]
enum Last {
    Nothing,
    /// Something with this product of counts inside.
    Atom(u32),
    Repeated(u32),
    /// Something with a change of flags behind it. Go would repeat it; Rust's syntax has no place for that.
    Detached(u32),
}

type Translated<T> = Result<T, PatternError>;

impl<'p> Translator<'p> {
    fn new(pattern: &'p str) -> Self {
        Self {
            pattern,
            exact: false,
            at: 0,
            out: String::with_capacity(2 * pattern.len()),
            flags: Flags::default(),
            groups: Vec::new(),
            last: Last::Nothing,
            weight: 1,
        }
    }

    fn run(mut self) -> Translated<String> {
        while let Some(character) = self.rest().chars().next() {
            match character {
                '(' => self.open_group()?,
                ')' => self.close_group()?,
                '|' => {
                    self.end_item();
                    self.out.push('|');
                    self.at += 1;
                }
                '[' => {
                    let class = self.bracket_class()?;
                    self.push_atom(&class);
                }
                '\\' => self.escaped()?,
                '*' | '+' | '?' => self.repeat_by_sign(character)?,
                '{' => self.repeat_by_count()?,
                '^' | '$' | '.' => {
                    self.push_atom(character.encode_utf8(&mut [0; 4]));
                    self.at += 1;
                }
                _ => {
                    self.push_literal(character);
                    self.at += character.len_utf8();
                }
            }
        }
        match self.groups.last() {
            Some(group) => Err(self.error_at(group.opened_at, Problem::UnclosedGroup)),
            None => Ok(self.out),
        }
    }

    fn open_group(&mut self) -> Translated<()> {
        let opened_at = self.at;
        self.at += 1;
        let mut flags = self.flags;
        let mut capture = Some(String::new());
        if let Some(extension) = self.rest().strip_prefix('?') {
            if let Some(text) = extension.strip_prefix("P<").or(extension.strip_prefix('<')) {
                let name = self.group_name(opened_at, text)?;
                capture = Some(format!("?P<{name}>"));
            } else {
                self.at += 1;
                capture = None;
                let opens = self.flags(opened_at, &mut flags)?;
                if !opens {
                    self.change_flags(flags);
                    return Ok(());
                }
            }
        }
        self.end_item();
        let capture = capture.filter(|_| self.exact);
        let close = if capture.is_some() { "))" } else { ")" };
        self.groups.push(Group { opened_at, flags: self.flags, weight: self.weight, close });
        self.weight = 1;
        self.flags = flags;
        if let Some(name) = capture {
            self.out.push_str(&format!("({name}"));
        }
        self.out.push_str(&format!("(?{}:", flags.spelled()));
        Ok(())
    }

    fn group_name(&mut self, opened_at: usize, text: &'p str) -> Translated<&'p str> {
        if text.starts_with(['=', '!']) {
            return Err(self.error_at(opened_at, Problem::LookAround));
        }
        let name = text.split_once('>').map(|(name, _)| name).filter(|name| {
            let is_word = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
            !name.is_empty() && name.bytes().all(is_word)
        });
        match name {
            Some(name) => {
                self.at = self.pattern.len() - text.len() + name.len() + 1;
                Ok(name)
            }
            None => Err(self.error_at(opened_at, Problem::GroupName)),
        }
    }

    /// Reads flags up to `:` (true: a group begins) or `)`.
    fn flags(&mut self, opened_at: usize, flags: &mut Flags) -> Translated<bool> {
        let mut value = true;
        let mut seen = false;
        let rest = self.rest();
        if rest.starts_with(['=', '!']) {
            return Err(self.error_at(opened_at, Problem::LookAround));
        }
        for (offset, letter) in rest.char_indices() {
            match letter {
                'i' => flags.fold_case = value,
                'm' => flags.multi_line = value,
                's' => flags.dot_all = value,
                // Swaps greedy and lazy, which does not decide whether there is a match.
                'U' => flags.swap_greed = value && self.exact,
                '-' if value => {
                    value = false;
                    seen = false;
                    continue;
                }
                ':' | ')' if value || seen => {
                    self.at += offset + 1;
                    return Ok(letter == ':');
                }
                _ => break,
            }
            seen = true;
        }
        Err(self.error_at(opened_at, Problem::UnknownGroup))
    }

    fn change_flags(&mut self, flags: Flags) {
        self.flags = flags;
        self.out.push_str(&format!("(?{})", flags.spelled()));
        if let Last::Atom(weight) | Last::Repeated(weight) = self.last {
            self.last = Last::Detached(weight);
        }
    }

    fn close_group(&mut self) -> Translated<()> {
        self.end_item();
        let Some(group) = self.groups.pop() else {
            return Err(self.error_at(self.at, Problem::UnopenedGroup));
        };
        self.last = Last::Atom(self.weight);
        self.weight = group.weight;
        self.flags = group.flags;
        self.out.push_str(group.close);
        self.at += 1;
        Ok(())
    }

    /// An escape outside of a bracket class.
    fn escaped(&mut self) -> Translated<()> {
        let rest = &self.rest()[1..];
        let assertion = match rest.as_bytes().first() {
            Some(b'A') => Some("\\A"),
            Some(b'z') => Some("\\z"),
            // Words are ASCII in Go.
            Some(b'b') => Some("(?-u:\\b)"),
            Some(b'B') => Some("(?-u:\\B)"),
            Some(b'Q') => {
                self.quoted(&rest[1..]);
                return Ok(());
            }
            _ => None,
        };
        if let Some(assertion) = assertion {
            self.push_atom(assertion);
            self.at += 2;
        } else if let Some(class) = self.escaped_class()? {
            self.push_atom(&class);
        } else {
            let character = self.escaped_character()?;
            self.push_literal(character);
        }
        Ok(())
    }

    /// The text behind `\Q`, literal up to `\E` or the end.
    fn quoted(&mut self, text: &str) {
        let (literal, end) = match text.split_once("\\E") {
            Some((literal, _)) => (literal, 2),
            None => (text, 0),
        };
        for character in literal.chars() {
            self.push_literal(character);
        }
        if let Last::Repeated(weight) = self.last {
            self.last = Last::Detached(weight);
        }
        self.at += 2 + literal.len() + end;
    }

    fn repeat_by_sign(&mut self, sign: char) -> Translated<()> {
        let start = self.at;
        self.at += 1;
        self.repeat(start, sign.encode_utf8(&mut [0; 4]), None)
    }

    fn repeat_by_count(&mut self) -> Translated<()> {
        let start = self.at;
        let Some((count, length)) = Count::read(&self.rest()[1..]) else {
            self.push_literal('{');
            self.at += 1;
            return Ok(());
        };
        let too_many = |bound: u32| bound > MAX_REPEAT;
        if too_many(count.min) || count.max.is_some_and(|max| too_many(max) || max < count.min) {
            return Err(self.error_at(start, Problem::RepeatCount));
        }
        self.at += 1 + length;
        let spelled = match count.max {
            Some(max) => format!("{{{},{max}}}", count.min),
            None => format!("{{{},}}", count.min),
        };
        self.repeat(start, &spelled, Some(count))
    }

    fn repeat(&mut self, start: usize, spelled: &str, count: Option<Count>) -> Translated<()> {
        // Behind a repetition `?` makes it lazy.
        let is_lazy = self.rest().starts_with('?');
        self.at += usize::from(is_lazy);
        let inner = match self.last {
            Last::Atom(weight) => weight,
            Last::Nothing => return Err(self.error_at(start, Problem::NothingToRepeat)),
            Last::Repeated(_) => return Err(self.error_at(start, Problem::RepeatedRepeat)),
            Last::Detached(_) => return Err(self.error_at(start, Problem::DetachedRepeat)),
        };
        let weight = match count {
            None => inner,
            Some(count) => {
                let weight = count.weight(inner);
                if count.is_checked() && weight > MAX_REPEAT {
                    return Err(self.error_at(start, Problem::RepeatCount));
                }
                weight
            }
        };
        self.out.push_str(spelled);
        if is_lazy && self.exact {
            self.out.push('?');
        }
        self.last = Last::Repeated(weight);
        Ok(())
    }

    fn push_literal(&mut self, character: char) {
        let mut spelled = String::new();
        spell(&mut spelled, character);
        self.push_atom(&spelled);
    }

    fn push_atom(&mut self, translated: &str) {
        self.end_item();
        self.out.push_str(translated);
        self.last = Last::Atom(1);
    }

    /// The item before can no longer be repeated.
    fn end_item(&mut self) {
        if let Last::Atom(weight) | Last::Repeated(weight) | Last::Detached(weight) = self.last {
            self.weight = self.weight.max(weight);
        }
        self.last = Last::Nothing;
    }

    fn rest(&self) -> &'p str {
        &self.pattern[self.at..]
    }

    fn error(&self, problem: Problem) -> PatternError {
        self.error_at(self.at, problem)
    }

    fn error_at(&self, offset: usize, problem: Problem) -> PatternError {
        PatternError { at: 1 + self.pattern[..offset].chars().count(), problem }
    }
}

impl Flags {
    /// All of them, so that nothing depends on what was set before.
    fn spelled(self) -> String {
        let all = [
            ('i', self.fold_case),
            ('m', self.multi_line),
            ('s', self.dot_all),
            ('U', self.swap_greed),
        ];
        let with = |value| all.iter().filter(move |flag| flag.1 == value).map(|flag| flag.0);
        let off: String = with(false).collect();
        let minus = if off.is_empty() { "" } else { "-" };
        with(true).chain(minus.chars()).chain(off.chars()).collect()
    }
}

/// Spells a character so that it means itself wherever it stands.
fn spell(out: &mut String, character: char) {
    if character.is_ascii_alphanumeric() || !character.is_ascii() {
        out.push(character);
    } else {
        out.push_str(&format!("\\x{:02X}", u32::from(character)));
    }
}

#[cfg(test)]
mod tests;
