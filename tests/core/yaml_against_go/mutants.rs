//! Damaged copies of the corpus, the same ones in every run.

const SEED: u64 = 0x5ea1_5ea1_5ea1_5ea1;

/// What gets inserted: the tokens of YAML, alone and where they matter.
const TOKENS: &[&str] = &[
    ": ",
    "- ",
    "? ",
    "# c",
    " # c",
    "\n# c\n",
    "\n  # c\n",
    "\n\n# c\n\n",
    "'",
    "\"",
    "|",
    ">",
    "|-\n",
    ">+\n",
    "|2",
    "&a ",
    "*a",
    "<<: ",
    "<<: *a",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\t",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    " ",
    "  ",
    "---",
    "\n---\n",
    "...",
    "\n...\n",
    "--- ",
    "!!str ",
    "!!int ",
    "!x ",
    "!!binary ",
    "%YAML 1.1\n---\n",
    "~",
    "null",
    "yes",
    "0o17",
    "0777",
    "1_000",
    "1e3",
    ".inf",
    "2024-01-01",
    "\\",
    "\\n",
    "\\x41",
    "@",
    "`",
    "%",
    "\u{2028}",
    "\u{85}",
    "\u{feff}",
    "é",
    "\u{0}",
    "\u{7f}",
    "''",
    "\"\"",
    "- - ",
    "-\n",
    ":\n",
    "a: b\n",
    "  a: b\n",
    "- a\n",
    "- # c\n  ",
    ": # c\n",
];

/// Mutant `number` of the corpus, with a name that says what it was made from.
pub(crate) fn mutant(corpus: &[(String, Vec<u8>)], number: u64) -> (String, Vec<u8>) {
    let mut random = Random(SEED ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut from = random.below(corpus.len());
    if corpus[from].0.ends_with("-refused.yaml") {
        // A second draw: what is refused already mostly stays so and says little.
        from = random.below(corpus.len());
    }
    let (name, source) = &corpus[from];
    let mut mutated = source.clone();
    for _ in 0..=random.below(3).min(random.below(3)) {
        mutate(&mut mutated, &mut random);
    }
    (format!("mutant {number} of {name}"), mutated)
}

fn mutate(source: &mut Vec<u8>, random: &mut Random) {
    match random.below(12) {
        0 => flip_bit(source, random),
        1 => delete_bytes(source, random),
        2..=5 => insert_token(source, random),
        6 => with_lines(source, random, delete_line),
        7 => with_lines(source, random, duplicate_line),
        8 => with_lines(source, random, |lines, at, random| swap_lines(lines, at, random)),
        9..=10 => with_lines(source, random, indent_line),
        _ => with_lines(source, random, |lines, at, random| end_lines_otherwise(lines, at, random)),
    }
}

fn flip_bit(source: &mut [u8], random: &mut Random) {
    if !source.is_empty() {
        let at = random.below(source.len());
        // The low bits mostly: the top one only makes invalid UTF-8.
        source[at] ^= 1 << random.below(7);
    }
}

fn delete_bytes(source: &mut Vec<u8>, random: &mut Random) {
    let start = random.below(source.len() + 1);
    let end = source.len().min(start + 1 + random.below(4));
    source.drain(start..end);
}

fn insert_token(source: &mut Vec<u8>, random: &mut Random) {
    let token = TOKENS[random.below(TOKENS.len())].as_bytes();
    let mut at = random.below(source.len() + 1);
    // Half of them at the start of a line or of its text, where tokens mean most.
    if random.below(2) == 0 {
        at = source[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        if random.below(2) == 0 {
            at += source[at..].iter().take_while(|byte| **byte == b' ').count();
        }
    }
    source.splice(at..at, token.iter().copied());
}

fn with_lines(
    source: &mut Vec<u8>,
    random: &mut Random,
    change: fn(&mut Vec<Vec<u8>>, usize, &mut Random),
) {
    let mut lines: Vec<Vec<u8>> =
        source.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if !lines.is_empty() {
        let at = random.below(lines.len());
        change(&mut lines, at, random);
        *source = lines.concat();
    }
}

fn delete_line(lines: &mut Vec<Vec<u8>>, at: usize, _: &mut Random) {
    lines.remove(at);
}

fn duplicate_line(lines: &mut Vec<Vec<u8>>, at: usize, _: &mut Random) {
    lines.insert(at, lines[at].clone());
}

fn swap_lines(lines: &mut [Vec<u8>], at: usize, random: &mut Random) {
    let other = random.below(lines.len());
    lines.swap(at, other);
}

fn indent_line(lines: &mut Vec<Vec<u8>>, at: usize, random: &mut Random) {
    match random.below(4) {
        0 => lines[at].insert(0, b' '),
        1 => drop(lines[at].splice(0..0, *b"  ")),
        2 if lines[at].starts_with(b" ") => drop(lines[at].remove(0)),
        3 if lines[at].starts_with(b"  ") => drop(lines[at].drain(..2)),
        _ => lines.insert(at, b"\n".to_vec()),
    }
}

fn end_lines_otherwise(lines: &mut [Vec<u8>], at: usize, random: &mut Random) {
    let range = if random.below(2) == 0 { at..at + 1 } else { 0..lines.len() };
    for line in &mut lines[range] {
        if line.ends_with(b"\n") && !line.ends_with(b"\r\n") {
            line.insert(line.len() - 1, b'\r');
        }
    }
}

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not zero.
    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
