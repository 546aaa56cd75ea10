//! Positions of many places of one source, for which counting from its start each time would take the square.

use crate::document::Position;

/// Turns offsets that only grow into positions, in one walk.
pub(super) struct Lines<'s> {
    source: &'s [u8],
    line: usize,
    start: usize,
    counted: usize,
}

impl<'s> Lines<'s> {
    pub(super) fn new(source: &'s [u8]) -> Self {
        Self { source, line: 1, start: 0, counted: 0 }
    }

    pub(super) fn position(&mut self, offset: usize) -> Position {
        let offset = offset.clamp(self.counted, self.source.len());
        for newline in memchr::memchr_iter(b'\n', &self.source[self.counted..offset]) {
            self.line += 1;
            self.start = self.counted + newline + 1;
        }
        self.counted = offset;
        Position { line: self.line, column: 1 + characters(&self.source[self.start..offset]) }
    }
}

/// In a line so long that nobody counts, bytes do.
fn characters(text: &[u8]) -> usize {
    match text.len() {
        0..=65_536 => text.iter().filter(|byte| **byte & 0xC0 != 0x80).count(),
        many => many,
    }
}
