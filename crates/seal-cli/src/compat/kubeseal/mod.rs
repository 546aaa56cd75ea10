//! The binary as `kubeseal`: called by that name, or as `seal kubeseal …`.
//!
//! ```text
//! argv, SEALED_SECRETS_* ─flags→ Parsed ─options→ Options ─mode→ bytes ─→ stdout | file
//! ```
//!
//! Every failure ends with 1. What works without a cluster looks for no kubeconfig.

use std::ffi::OsString;
use std::path::Path;

use seal_api::sealing::SealingCertificate;
use seal_core::secret::SecretBytes;
use seal_keys::Environment;

use self::flags::{FlagError, parse};
use self::options::{Mode, Options};
use crate::args::{Color, GlobalArgs};
use crate::cluster::{self, Access};
use crate::error::CommandError;
use crate::ui::Ui;
use crate::write::{NewFile, Writer};
use crate::{clock, hardening};

mod flags;
mod help;
mod input;
mod merge;
mod object;
mod options;
mod print;
mod recovery;
mod renewal;
mod sealing;
mod secret;
mod table;
mod validation;

/// What `kubeseal` is to do, where the process was started under that name or as `seal kubeseal`.
pub(crate) fn arguments(argv: &[OsString]) -> Option<&[OsString]> {
    let name = Path::new(argv.first()?).file_stem()?;
    match argv.get(1) {
        _ if name == "kubeseal" => Some(&argv[1..]),
        Some(verb) if verb == "kubeseal" => Some(&argv[2..]),
        _ => None,
    }
}

/// Does it, and returns the exit code.
pub(crate) fn run(arguments: &[OsString], environment: &Environment) -> u8 {
    let options = GlobalArgs { quiet: false, json: false, color: Color::Auto, config: None };
    let ui = Ui::new(&options, true);
    hardening::for_good();
    match answer(arguments, environment, &ui) {
        Ok(()) => 0,
        Err(error) => {
            ui.error(&error);
            1
        }
    }
}

/// One run of kubeseal.
struct Run<'r> {
    options: &'r Options,
    environment: &'r Environment,
    ui: &'r Ui,
    access: Access,
}

fn answer(arguments: &[OsString], environment: &Environment, ui: &Ui) -> Result<(), CommandError> {
    let given = match parse(table::FLAGS, arguments, environment) {
        Ok(given) if given.has("help") => return ui.write_stdout(help::help().as_bytes()),
        Err(FlagError::Help) => return ui.write_stdout(help::help().as_bytes()),
        Ok(given) => given,
        Err(error) => {
            return Err(
                CommandError::usage(error.to_string()).hint("`kubeseal --help` lists the flags")
            );
        }
    };
    if given.has("version") {
        return ui.write_stdout(help::version().as_bytes());
    }
    if let Some(word) = given.positionals.first() {
        ui.warn(&format!(
            "{:?} is ignored: kubeseal reads standard input, or the file behind -f",
            word.to_string_lossy()
        ));
    }
    if given.is_given("rotate") {
        ui.warn("Flag --rotate has been deprecated, please use --re-encrypt instead");
    }
    let options = Options::read(&given)?;
    if !options.private_keys.is_empty() && options.mode != Mode::RecoveryUnseal {
        ui.warn("ignoring --recovery-private-key because unseal command not chosen with --recovery-unseal");
    }
    let access = Access::new(options.connection.clone(), options.controller.clone(), environment);
    let run = Run { options: &options, environment, ui, access };
    match options.mode {
        Mode::RecoveryUnseal => run.put(&recovery::unseal(&run)?, NewFile::Private),
        Mode::Validate => validation::validate(&run),
        Mode::ReEncrypt => renewal::re_encrypt(&run),
        Mode::FetchCert => run.put(&SecretBytes::new(run.pem()?.0), NewFile::Shared),
        Mode::MergeInto => merge::merge_into(&run),
        Mode::Raw => run.put(&sealing::raw(&run)?, NewFile::Shared),
        Mode::Seal => run.put(&sealing::seal(&run)?, NewFile::Shared),
    }
}

impl Run<'_> {
    /// The certificate of `--cert`, else the controller's, and what to call its source.
    fn pem(&self) -> Result<(Vec<u8>, String), CommandError> {
        match &self.options.cert {
            Some(source) => Ok((cluster::certificate(source, self.environment)?, source.clone())),
            None => Ok((self.access.fetch_certificate()?, "the controller's answer".to_owned())),
        }
    }

    fn certificate(&self) -> Result<SealingCertificate, CommandError> {
        let (pem, source) = self.pem()?;
        sealing::certificate(&pem, &source, clock::now())
    }

    /// Puts a result where it belongs, as a whole.
    fn put(&self, bytes: &SecretBytes, new: NewFile) -> Result<(), CommandError> {
        let Some(path) = &self.options.output else {
            return self.ui.write_stdout(bytes.expose());
        };
        let writer = Writer::default();
        writer.put(path, bytes.expose(), new)?;
        writer.finish();
        Ok(())
    }
}
