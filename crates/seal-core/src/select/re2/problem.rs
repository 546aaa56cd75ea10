//! What can be wrong with a pattern.

/// A pattern that Go does not accept, or that cannot be translated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}, at character {at}")]
pub struct PatternError {
    /// Where in the pattern, in characters from 1.
    pub at: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A group is not closed.
    #[error("`(` is never closed")]
    UnclosedGroup,
    /// A group is closed that was not opened.
    #[error("`)` closes nothing")]
    UnopenedGroup,
    /// A class is not closed.
    #[error("`[` is never closed")]
    UnclosedClass,
    /// A range in a class runs backwards.
    #[error("the range runs backwards")]
    BackwardRange,
    /// No such class as `[:name:]`.
    #[error("no such class as [:{0}:]")]
    UnknownPosixClass(String),
    /// No such category or script.
    #[error("no such Unicode category or script as \"{0}\"")]
    UnknownUnicodeClass(String),
    /// `*`, `+`, `?` or `{n}` behind nothing.
    #[error("there is nothing to repeat")]
    NothingToRepeat,
    /// Two repetitions in a row.
    #[error("a repetition of a repetition")]
    RepeatedRepeat,
    /// A repetition that is parted from what it repeats, by a change of flags or `\Q\E`.
    #[error("a repetition apart from what it repeats")]
    DetachedRepeat,
    /// A counted repetition that is too large, or whose bounds are swapped.
    #[error("the count of a repetition is not allowed")]
    RepeatCount,
    /// An escape that does not exist.
    #[error("no such escape")]
    UnknownEscape,
    /// `\1`
    #[error("a back-reference")]
    BackReference,
    /// A backslash at the very end.
    #[error("a backslash at the end")]
    TrailingBackslash,
    /// A surrogate, which no UTF-8 text holds.
    #[error("a surrogate code point")]
    Surrogate,
    /// `(?=…)` and its kin.
    #[error("a look-around group")]
    LookAround,
    /// `(?` and something unknown.
    #[error("no such kind of group or flag")]
    UnknownGroup,
    /// The name of a group is missing or no name.
    #[error("the name of the group is not allowed")]
    GroupName,
    /// More than the engine takes.
    #[error("the pattern is too large or nested too deep")]
    TooLarge,
}

impl Problem {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnclosedGroup => "close it with `)`, or write `\\(` for a parenthesis",
            Self::UnopenedGroup => "write `\\)` for a parenthesis",
            Self::UnclosedClass => "close it with `]`, or write `\\[` for a bracket",
            Self::BackwardRange => "write `\\-` for a minus, or swap the ends of the range",
            Self::UnknownPosixClass(_) => {
                "there are alpha, digit, alnum, upper, lower, space, punct, word and more"
            }
            Self::UnknownUnicodeClass(_) => "names are spelled as in \\pL, \\p{Lu}, \\p{Greek}",
            Self::NothingToRepeat => "write `\\*`, `\\+` or `\\?` for the character itself",
            Self::RepeatedRepeat => "put what is repeated into a group: `(?:…)`",
            Self::DetachedRepeat => "put the repetition directly behind what it repeats",
            Self::RepeatCount => {
                "counts go up to 1000, nested ones multiplied, the smaller one first"
            }
            Self::UnknownEscape => {
                "only punctuation may be escaped freely; write the letter itself"
            }
            Self::BackReference | Self::LookAround => {
                "RE2, which SOPS uses, does not have these; write the alternatives out"
            }
            Self::TrailingBackslash => "write `\\\\` for a backslash",
            Self::Surrogate => "no text holds surrogates; take them out",
            Self::UnknownGroup => "there are (…), (?:…), (?P<name>…) and the flags i, m, s, U",
            Self::GroupName => "names are letters, digits and `_`",
            Self::TooLarge => "make the counts of repetitions smaller",
        }
    }
}
