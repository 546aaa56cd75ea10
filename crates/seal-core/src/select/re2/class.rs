//! Classes of characters: `[…]`, `\d` and its kin, `[:alpha:]`, `\p{…}`.

use super::{Problem, Translated, Translator, spell};

/// The POSIX classes, all of them ASCII.
const POSIX: [(&str, &str); 14] = [
    ("alnum", "0-9A-Za-z"),
    ("alpha", "A-Za-z"),
    ("ascii", "\\x00-\\x7F"),
    ("blank", "\\x09\\x20"),
    ("cntrl", "\\x00-\\x1F\\x7F"),
    ("digit", "0-9"),
    ("graph", "\\x21-\\x7E"),
    ("lower", "a-z"),
    ("print", "\\x20-\\x7E"),
    ("punct", "\\x21-\\x2F\\x3A-\\x40\\x5B-\\x60\\x7B-\\x7E"),
    ("space", "\\x09-\\x0D\\x20"),
    ("upper", "A-Z"),
    ("word", "0-9A-Z_a-z"),
    ("xdigit", "0-9A-Fa-f"),
];

/// The general categories that Go knows by name.
const CATEGORIES: [&str; 37] = [
    "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N",
    "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So",
    "Z", "Zl", "Zp", "Zs", "Any",
];

/// The scripts that Go knows by name (Unicode 15), in order.
const SCRIPTS: &str = "Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak \
    Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma \
    Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru \
    Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati \
    Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited \
    Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi \
    Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani \
    Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui \
    Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari \
    New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian \
    Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong \
    Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian \
    Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le \
    Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai \
    Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square";

impl Translator<'_> {
    /// Translates the class whose `[` is here.
    pub(super) fn bracket_class(&mut self) -> Translated<String> {
        let start = self.at;
        let mut out = String::from("[");
        self.at += 1;
        if self.rest().starts_with('^') {
            out.push('^');
            self.at += 1;
        }
        let mut is_first = true;
        // `]` is a member where it stands first.
        while is_first || !self.rest().starts_with(']') {
            is_first = false;
            if self.rest().is_empty() {
                return Err(self.error_at(start, Problem::UnclosedClass));
            }
            if let Some(class) = self.posix_class()? {
                out.push_str(&class);
            } else if let Some(class) = self.escaped_class()? {
                out.push_str(&class);
            } else {
                self.range(start, &mut out)?;
            }
        }
        self.at += 1;
        out.push(']');
        Ok(out)
    }

    /// Translates `\d`, `\s`, `\w`, `\p` or one of their negations, if one is here.
    pub(super) fn escaped_class(&mut self) -> Translated<Option<String>> {
        let class = match self.rest().as_bytes() {
            [b'\\', b'd', ..] => "[0-9]",
            [b'\\', b'D', ..] => "[^0-9]",
            // Without \v, unlike [:space:].
            [b'\\', b's', ..] => "[\\x09\\x0A\\x0C\\x0D\\x20]",
            [b'\\', b'S', ..] => "[^\\x09\\x0A\\x0C\\x0D\\x20]",
            [b'\\', b'w', ..] => "[0-9A-Z_a-z]",
            [b'\\', b'W', ..] => "[^0-9A-Z_a-z]",
            [b'\\', letter @ (b'p' | b'P'), ..] => {
                return self.unicode_class(*letter == b'P').map(Some);
            }
            _ => return Ok(None),
        };
        self.at += 2;
        Ok(Some(class.to_owned()))
    }

    /// Translates `[:name:]` or `[:^name:]`, if a `:]` follows at all.
    fn posix_class(&mut self) -> Translated<Option<String>> {
        let Some(text) = self.rest().strip_prefix("[:") else {
            return Ok(None);
        };
        let Some((name, _)) = text.split_once(":]") else {
            return Ok(None);
        };
        let (negation, plain) = match name.strip_prefix('^') {
            Some(plain) => ("^", plain),
            None => ("", name),
        };
        let Some((_, members)) = POSIX.iter().find(|(known, _)| *known == plain) else {
            return Err(self.error(Problem::UnknownPosixClass(name.to_owned())));
        };
        self.at += name.len() + 4;
        Ok(Some(format!("[{negation}{members}]")))
    }

    fn unicode_class(&mut self, mut negated: bool) -> Translated<String> {
        let text = &self.rest()[2..];
        let (name, length) = match text.strip_prefix('{') {
            Some(braced) => match braced.split_once('}') {
                Some((name, _)) => (name, name.len() + 2),
                None => return Err(self.unknown_unicode_class(braced)),
            },
            None => {
                let length = text.chars().next().map_or(0, char::len_utf8);
                (&text[..length], length)
            }
        };
        let plain = name.strip_prefix('^').unwrap_or(name);
        negated ^= plain.len() != name.len();
        let property = if CATEGORIES.contains(&plain) {
            "gc"
        } else if !plain.is_empty() && SCRIPTS.split(' ').any(|script| script == plain) {
            "sc"
        } else {
            return Err(self.unknown_unicode_class(name));
        };
        self.at += 2 + length;
        Ok(format!("\\{}{{{property}={plain}}}", if negated { 'P' } else { 'p' }))
    }

    fn unknown_unicode_class(&self, name: &str) -> super::PatternError {
        self.error(Problem::UnknownUnicodeClass(name.to_owned()))
    }

    /// Translates one character or a range of them.
    fn range(&mut self, class_start: usize, out: &mut String) -> Translated<()> {
        let start = self.at;
        let low = self.class_character(class_start)?;
        spell(out, low);
        let rest = self.rest();
        // A minus before the closing bracket is a member.
        if rest.len() < 2 || !rest.starts_with('-') || rest.starts_with("-]") {
            return Ok(());
        }
        self.at += 1;
        let high = self.class_character(class_start)?;
        if high < low {
            return Err(self.error_at(start, Problem::BackwardRange));
        }
        out.push('-');
        spell(out, high);
        Ok(())
    }

    fn class_character(&mut self, class_start: usize) -> Translated<char> {
        let Some(character) = self.rest().chars().next() else {
            return Err(self.error_at(class_start, Problem::UnclosedClass));
        };
        if character == '\\' {
            return self.escaped_character();
        }
        self.at += character.len_utf8();
        Ok(character)
    }
}
