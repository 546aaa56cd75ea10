//! Counted repetitions: `{n}`, `{n,}`, `{n,m}`.

/// Go's limit for a count, and for the product of nested ones.
pub(super) const MAX_REPEAT: u32 = 1_000;

/// The bounds of a counted repetition.
#[derive(Clone, Copy)]
pub(super) struct Count {
    pub(super) min: u32,
    pub(super) max: Option<u32>,
}

impl Count {
    /// Reads `n}`, `n,}` or `n,m}` and returns its length; anything else is literal text in Go.
    pub(super) fn read(text: &str) -> Option<(Self, usize)> {
        let (body, _) = text.split_once('}')?;
        let (min, max) = match body.split_once(',') {
            None => (body, Some(body)),
            Some((min, "")) => (min, None),
            Some((min, max)) => (min, Some(max)),
        };
        let max = match max {
            Some(max) => Some(Self::bound(max)?),
            None => None,
        };
        Some((Self { min: Self::bound(min)?, max }, body.len() + 1))
    }

    /// A number without leading zeros; one that is far too large stays too large.
    fn bound(digits: &str) -> Option<u32> {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        Some(digits.parse().unwrap_or(u32::MAX))
    }

    /// The product of counts with what is inside, as Go multiplies them: zero hides what is inside, `{0,}` is no count.
    pub(super) fn weight(self, inner: u32) -> u32 {
        match (self.min, self.max) {
            (_, Some(0)) => 1,
            (_, Some(max)) => max.saturating_mul(inner),
            (min, None) => min.max(1).saturating_mul(inner),
        }
    }

    /// Go looks at the product only where something is really repeated.
    pub(super) fn is_checked(self) -> bool {
        self.min >= 2 || self.max.is_some_and(|max| max >= 2)
    }
}
