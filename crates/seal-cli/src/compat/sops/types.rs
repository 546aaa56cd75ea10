//! Which format a file has: SOPS's types by word and by name.

use std::path::Path;

use clap::ValueEnum;

use super::refusal::{Code, Refusal};
use crate::args::FileType;

/// Of the input and of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types {
    pub(super) input: FileType,
    pub(super) output: FileType,
}

/// Takes the types from the words, and where they are missing or none, from the name. What was passed over goes to
/// `warn`: SOPS passes over it in silence.
pub(super) fn types(
    input: Option<&str>,
    output: Option<&str>,
    name: &Path,
    warn: &mut dyn FnMut(String),
) -> Result<Types, Refusal> {
    let mut of = |flag: &str, word: Option<&str>| match word {
        None => by_name(name),
        Some(word) => match FileType::from_str(word, false) {
            Ok(file_type) => Ok(file_type),
            Err(_) => {
                let by_name = by_name(name)?;
                warn(format!(
                    "`{flag}` knows no type of that name: the name of the file decides, so it is taken for {}; there are yaml, json, dotenv, ini and binary",
                    word_for(by_name)
                ));
                Ok(by_name)
            }
        },
    };
    Ok(Types { input: of("--input-type", input)?, output: of("--output-type", output)? })
}

/// The word for a type.
pub(super) fn word_for(file_type: FileType) -> String {
    let value = file_type.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// By how the name ends; what ends otherwise is binary.
fn by_name(name: &Path) -> Result<FileType, Refusal> {
    let name = name.to_string_lossy();
    let word = [
        (".yaml", "yaml"),
        (".yml", "yaml"),
        (".json", "json"),
        (".env", "dotenv"),
        (".ini", "ini"),
    ]
    .into_iter()
    .find_map(|(ending, word)| name.ends_with(ending).then_some(word))
    .unwrap_or("binary");
    FileType::from_str(word, false).map_err(|_| {
        Refusal::new(Code::Generic, format!("files of the type {word} cannot be read yet"))
    })
}
