//! Keys without `?`. Such a key shows only at its `:`, so each place where one may have begun is kept in mind, one per
//! flow level.

use super::{Scan, Scanner};
use crate::format::yaml::token::Mark;

/// A key without `?` has to end on its line within this many characters (YAML 1.1).
const SIMPLE_KEY_LENGTH: u32 = 1024;

/// A place where a key without `?` may have begun.
#[derive(Clone, Copy, Default)]
pub(super) struct SimpleKey {
    pub(super) possible: bool,
    pub(super) required: bool,
    pub(super) token: usize,
    pub(super) mark: Mark,
}

impl Scanner<'_> {
    /// True while the head of the queue could still turn out to be a key, in front of which tokens are inserted.
    pub(super) fn head_may_become_key(&mut self) -> Scan<bool> {
        let head = self.tokens_taken;
        let first = self.simple_keys.partition_point(|key| key.token < head);
        for index in first..self.simple_keys.len() {
            if self.simple_keys[index].token != head {
                break;
            }
            if self.simple_keys[index].possible && self.simple_key_is_valid(index)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn simple_key_is_valid(&mut self, index: usize) -> Scan<bool> {
        let key = self.simple_keys[index];
        if !key.possible {
            return Ok(false);
        }
        let on_this_line = key.mark.line == self.at.line;
        if !on_this_line || self.at.column - key.mark.column > SIMPLE_KEY_LENGTH {
            if key.required {
                return self.error(key.mark, "this key has no `:` behind it");
            }
            self.simple_keys[index].possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    pub(super) fn next_token_number(&self) -> usize {
        self.tokens_taken + self.tokens.len()
    }

    pub(super) fn save_simple_key(&mut self) -> Scan<()> {
        if self.simple_key_allowed {
            let key = SimpleKey {
                possible: true,
                required: self.flow_level == 0 && self.indent == i64::from(self.at.column),
                token: self.next_token_number(),
                mark: self.at,
            };
            self.remove_simple_key()?;
            *self.simple_keys.last_mut().expect("one per flow level") = key;
        }
        Ok(())
    }

    pub(super) fn remove_simple_key(&mut self) -> Scan<()> {
        let key = self.simple_keys.last_mut().expect("one per flow level");
        if key.possible {
            let (required, mark) = (key.required, key.mark);
            key.possible = false;
            if required {
                return self.error(mark, "this key has no `:` behind it");
            }
        }
        Ok(())
    }
}
