//! Options of `set` and `unset`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::files::is_stdout;
use super::{DocumentChoice, FileType, KeyAccessArgs, SealedValueArgs, examples};

/// Set one value of an encrypted file
///
/// Only that value and the `sops` block change; all other values keep their ciphertext, and nothing is written where the
/// value is there already. What is missing of the path is made; a list grows by the index behind its last item, or `-`.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(after_help = examples::SET, override_usage = "seal set [OPTIONS] FILE PATH VALUE\n       seal set [OPTIONS] FILE PATH --value-file FILE|--value-stdin")]
pub(crate) struct SetArgs {
    #[command(flatten)]
    pub(crate) change: ValueChangeArgs,
    #[command(flatten)]
    pub(crate) given: GivenValue,
    // Last: what follows would come under their headings.
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
    #[command(flatten)]
    pub(crate) sealing: SealedValueArgs,
}

/// Remove one value from an encrypted file
///
/// Its key and the comment behind it go with it. Only the lines of that value and the `sops` block change.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(after_help = examples::UNSET)]
pub(crate) struct UnsetArgs {
    #[command(flatten)]
    pub(crate) change: ValueChangeArgs,
    /// End well if there is no such value
    #[arg(long)]
    pub(crate) idempotent: bool,
    #[command(flatten)]
    pub(crate) key_access: KeyAccessArgs,
}

/// The new value, and how it is meant.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct GivenValue {
    /// New value as JSON: "text" with its quotes, 5, true, null, ["a", "b"], {"a": 1}. Other users of this machine can see
    /// it while the command runs; without a value it is asked for
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) value: Option<OsString>,
    /// What is superfluous may be a part of a secret, and clap would print it.
    #[arg(value_name = "NOTHING", num_args = 0.., allow_hyphen_values = true, hide = true)]
    pub(crate) superfluous: Vec<OsString>,
    /// The value is a text as it stands, not JSON
    #[arg(short, long)]
    pub(crate) string: bool,
    /// Read the value from this file. Of a text in a single line (--string), the line break at its end is left out
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "value")]
    pub(crate) value_file: Option<PathBuf>,
    /// Read the value from standard input, likewise
    #[arg(long, conflicts_with_all = ["value", "value_file"])]
    pub(crate) value_stdin: bool,
    /// Encode the text in Base64, as values below `data` of a Secret have to be; implies --string
    #[arg(long)]
    pub(crate) encode: bool,
    /// End well if the value is there already; that is always so
    #[arg(long, hide = true)]
    pub(crate) idempotent: bool,
}

/// Which value, and where the result goes.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct ValueChangeArgs {
    /// Encrypted file, which is replaced; or `-` for standard input, and the result on standard output
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Where the value stands: `["a"]["b"][0]`, or `a/b/0` with `~1` for `/` and `~0` for `~` in keys
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// Document of a stream: KIND/NAME, KIND/NAMESPACE/NAME, or its number counted from 0
    #[arg(long, value_name = "DOCUMENT")]
    pub(crate) document: Option<DocumentChoice>,
    /// Write to this file instead; `-` is standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Format of the file [default: by its name; by its text for standard input]
    #[arg(long = "input-type", visible_alias = "type", value_name = "TYPE")]
    pub(crate) file_type: Option<FileType>,
    /// Namespace of a document that is bound to one but does not name it
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Change the file although MAC or binding fail; the result has new ones, over whatever anybody put there
    #[arg(long)]
    pub(crate) ignore_mac: bool,
    /// Take manifests for mere data, go through values and append behind any index, as SOPS does: only those that answer
    /// as it say so.
    #[arg(skip)]
    pub(crate) as_sops: bool,
}

impl ValueChangeArgs {
    /// Whether the result goes to stdout.
    pub(crate) fn goes_to_stdout(&self) -> bool {
        match &self.output {
            Some(output) => is_stdout(output),
            None => self.file == Path::new("-"),
        }
    }
}
