//! Cuts a template into tokens, as Go does: text between actions, and what stands inside of them.

use super::error::Problem;

/// A token, and where it begins.
#[derive(Debug, Clone)]
pub(super) struct Token<'t> {
    pub(super) at: usize,
    pub(super) kind: Kind<'t>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind<'t> {
    /// Between actions.
    Text(&'t str),
    Open,
    Close,
    Space,
    Assign,
    Declare,
    Pipe,
    Comma,
    LeftParen,
    RightParen,
    Dot,
    /// A name: a function, `true`, or a keyword where one may stand.
    Word(&'t str),
    /// `.name`, without the point.
    Field(&'t str),
    /// `$name`, without `$`.
    Variable(&'t str),
    Number(&'t str),
    /// With its quotes.
    Character(&'t str),
    /// With its quotes.
    Quoted(&'t str),
    /// Between its quotes.
    Raw(&'t str),
    /// Something that no template has there.
    Other,
    End,
    /// Nothing after this was read.
    Broken(Problem),
}

/// Cuts the whole text. The last token is `End` or `Broken`.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new() };
    let last = match lexer.run() {
        Ok(()) => Kind::End,
        Err(problem) => Kind::Broken(problem),
    };
    lexer.tokens.push(Token { at: lexer.at, kind: last });
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token<'t>>,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn push(&mut self, at: usize, kind: Kind<'t>) {
        self.tokens.push(Token { at, kind });
    }

    fn run(&mut self) -> Result<(), Problem> {
        loop {
            let Some(found) = self.rest().find("{{") else {
                self.text_until(self.text.len(), false);
                return Ok(());
            };
            let open = self.at + found;
            let after = &self.text[open + 2..];
            let trims = has_left_marker(after);
            self.text_until(open, trims);
            let inside = open + 2 + usize::from(trims);
            if self.text[inside..].starts_with("/*") {
                self.at = inside;
                self.comment()?;
                continue;
            }
            self.push(open, Kind::Open);
            self.at = inside;
            self.action()?;
        }
    }

    fn text_until(&mut self, end: usize, trims: bool) {
        let mut piece = &self.text[self.at..end];
        if trims {
            piece = piece.trim_end_matches(is_space);
        }
        if !piece.is_empty() {
            self.push(self.at, Kind::Text(piece));
        }
        self.at = end;
    }

    fn comment(&mut self) -> Result<(), Problem> {
        let Some(end) = self.rest()[2..].find("*/") else {
            return Err(Problem::Unclosed("a comment"));
        };
        self.at += 2 + end + 2;
        match self.close() {
            Some((length, trims)) => {
                self.skip_close(length, trims);
                Ok(())
            }
            None => Err(Problem::Syntax("a comment has to fill its action: `*/}}` or `*/ -}}`")),
        }
    }

    /// The length of the end of an action that stands here, and whether it trims.
    fn close(&self) -> Option<(usize, bool)> {
        let rest = self.rest();
        if has_right_marker(rest) && rest[2..].starts_with("}}") {
            return Some((4, true));
        }
        rest.starts_with("}}").then_some((2, false))
    }

    fn skip_close(&mut self, length: usize, trims: bool) {
        self.at += length;
        if trims {
            self.at += self.rest().len() - self.rest().trim_start_matches(is_space).len();
        }
    }

    fn action(&mut self) -> Result<(), Problem> {
        let mut parens = 0_usize;
        loop {
            let at = self.at;
            if let Some((length, trims)) = self.close() {
                if parens > 0 {
                    return Err(Problem::Unclosed("a parenthesis"));
                }
                self.push(at, Kind::Close);
                self.skip_close(length, trims);
                return Ok(());
            }
            let Some(next) = self.peek() else { return Err(Problem::Unclosed("an action")) };
            match next {
                ' ' | '\t' | '\r' | '\n' => {
                    while self.peek().is_some_and(is_space) && self.close().is_none() {
                        self.at += 1;
                    }
                    if self.at > at {
                        self.push(at, Kind::Space);
                    }
                    continue;
                }
                '.' if !self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                    self.at += 1;
                    let name = self.name()?;
                    self.push(at, if name.is_empty() { Kind::Dot } else { Kind::Field(name) });
                    continue;
                }
                '.' | '+' | '-' | '0'..='9' => {
                    self.number()?;
                    self.push(at, Kind::Number(&self.text[at..self.at]));
                    continue;
                }
                _ if is_alphanumeric(next) => {
                    let name = self.name()?;
                    self.push(at, Kind::Word(name));
                    continue;
                }
                _ => {}
            }
            self.at += next.len_utf8();
            let kind = match next {
                '=' => Kind::Assign,
                ':' if self.peek() == Some('=') => {
                    self.at += 1;
                    Kind::Declare
                }
                ':' => return Err(Problem::Syntax("`:` stands only in `:=`")),
                '|' => Kind::Pipe,
                ',' => Kind::Comma,
                '"' => {
                    self.quoted('"', "a string")?;
                    Kind::Quoted(&self.text[at..self.at])
                }
                '\'' => {
                    self.quoted('\'', "a character")?;
                    Kind::Character(&self.text[at..self.at])
                }
                '`' => {
                    let Some(end) = self.rest().find('`') else {
                        return Err(Problem::Unclosed("a string in backquotes"));
                    };
                    self.at += end + 1;
                    Kind::Raw(&self.text[at + 1..self.at - 1])
                }
                '$' => Kind::Variable(self.name()?),
                '(' => {
                    parens += 1;
                    Kind::LeftParen
                }
                ')' => {
                    let Some(left) = parens.checked_sub(1) else {
                        return Err(Problem::Syntax("`)` without `(`"));
                    };
                    parens = left;
                    Kind::RightParen
                }
                _ if next.is_ascii_graphic() => Kind::Other,
                _ => return Err(Problem::Syntax("a character that no action may hold")),
            };
            self.push(at, kind);
        }
    }

    /// Letters and digits, which must end where a word may end. May be empty.
    fn name(&mut self) -> Result<&'t str, Problem> {
        let at = self.at;
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        match self.peek() {
            Some(next) if !is_space(next) && !".,|:)(".contains(next) => {
                if self.rest().starts_with("}}") {
                    Ok(&self.text[at..self.at])
                } else {
                    Err(Problem::Syntax("a character that no name may hold"))
                }
            }
            _ => Ok(&self.text[at..self.at]),
        }
    }

    fn quoted(&mut self, quote: char, what: &'static str) -> Result<(), Problem> {
        loop {
            match self.next() {
                Some('\\') if !matches!(self.peek(), None | Some('\n')) => {
                    self.next();
                }
                None | Some('\n' | '\\') => return Err(Problem::Unclosed(what)),
                Some(next) if next == quote => return Ok(()),
                Some(_) => {}
            }
        }
    }

    fn accept(&mut self, set: &str) -> bool {
        let accepted = self.peek().is_some_and(|next| set.contains(next));
        self.at += usize::from(accepted);
        accepted
    }

    /// What could be a number; the parser finds out whether it is one.
    fn number(&mut self) -> Result<(), Problem> {
        const BAD: Problem = Problem::Syntax("this is no number");
        self.accept("+-");
        let mut digits = "0123456789_";
        let mut exponent = "eE";
        if self.accept("0") {
            if self.accept("xX") {
                (digits, exponent) = ("0123456789abcdefABCDEF_", "pP");
            } else if self.accept("oO") {
                (digits, exponent) = ("01234567_", "");
            } else if self.accept("bB") {
                (digits, exponent) = ("01_", "");
            }
        }
        while self.accept(digits) {}
        if self.accept(".") {
            while self.accept(digits) {}
        }
        if self.accept(exponent) {
            self.accept("+-");
            while self.accept("0123456789_") {}
        }
        match self.peek() {
            Some('+' | '-') => Err(BAD),
            Some(next) if is_alphanumeric(next) => Err(BAD),
            _ => Ok(()),
        }
    }
}

fn has_left_marker(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next() == Some('-') && chars.next().is_some_and(is_space)
}

fn has_right_marker(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(is_space) && chars.next() == Some('-')
}

pub(super) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}
