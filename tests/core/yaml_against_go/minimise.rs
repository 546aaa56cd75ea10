//! Makes a source that shows a mismatch as short as simple deletions can.

/// Beyond this, questions cost more time than a shorter source saves.
const QUESTIONS: usize = 3000;
/// Bytes are deleted one by one only from sources this short.
const SHORT: usize = 400;

/// Deletes lines, then bytes, as long as `still` holds.
pub(crate) fn minimise(source: &[u8], mut still: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut left = QUESTIONS;
    let mut ask = |source: &[u8]| {
        if left == 0 {
            return false;
        }
        left -= 1;
        still(source)
    };
    let lines: Vec<&[u8]> = source.split_inclusive(|byte| *byte == b'\n').collect();
    let mut small = shrink(lines, |lines| ask(&lines.concat())).concat();
    if small.len() <= SHORT {
        small = shrink(small, |bytes| ask(bytes));
    }
    small
}

/// Deletes runs of parts, long ones first, until no single part can go.
fn shrink<T: Clone>(mut parts: Vec<T>, mut still: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut run = parts.len().div_ceil(2);
    while run > 0 {
        let mut at = 0;
        let before = parts.len();
        while at < parts.len() {
            let end = parts.len().min(at + run);
            let mut fewer = parts.clone();
            fewer.drain(at..end);
            if still(&fewer) { parts = fewer } else { at += run }
        }
        if run > 1 || parts.len() == before {
            run /= 2;
        }
    }
    parts
}
