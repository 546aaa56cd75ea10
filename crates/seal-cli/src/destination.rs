//! Where results go, decided before anything is read.

use std::path::PathBuf;

use crate::args::FileArgs;
use crate::error::CommandError;
use crate::inputs::Inputs;

/// Where results go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// To stdout, all at once.
    Stdout,
    /// To a file.
    File(PathBuf),
    /// Each to where it came from.
    InPlace,
}

/// What a command can do with the results of several files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Several {
    /// Nothing but replace the files.
    InPlaceOnly,
    /// Join them to one stream as well.
    Joined,
}

/// Decides where the results of these inputs go, or says why that cannot be. A single file as its own output is meant
/// to be replaced.
pub(crate) fn choose(
    arguments: &FileArgs,
    inputs: &Inputs,
    several: Several,
) -> Result<Destination, CommandError> {
    let joined = several == Several::Joined;
    match (inputs, arguments.in_place, arguments.output_file()) {
        (Inputs::Stdin, true, _) => {
            Err(CommandError::usage("standard input cannot be replaced in place")
                .hint("name the files, or leave out `--in-place` to write to stdout"))
        }
        (Inputs::Files(_), true, _) => Ok(Destination::InPlace),
        (Inputs::Files(files), false, _) if files.several && !joined => {
            Err(CommandError::usage("several files can only be replaced in place")
                .hint("add `--in-place`, or name a single file"))
        }
        (Inputs::Files(files), false, Some(output)) if files.hold(output) => {
            if files.several {
                return Err(CommandError::usage("the output is one of the inputs")
                    .in_file(output)
                    .hint("name another file, or replace all of them with `--in-place`"));
            }
            Ok(Destination::InPlace)
        }
        (_, false, Some(output)) => Ok(Destination::File(output.to_owned())),
        (_, false, None) => Ok(Destination::Stdout),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Destination, Several, choose};
    use crate::args::FileArgs;
    use crate::exit_code::ExitCode;
    use crate::inputs::{Files, Input, Inputs};

    fn arguments(in_place: bool, output: Option<&str>) -> FileArgs {
        let output = output.map(PathBuf::from);
        FileArgs { paths: Vec::new(), in_place, output, file_type: None }
    }

    fn files(several: bool) -> Inputs {
        Inputs::Files(Files { several, ..Files::default() })
    }

    #[test]
    fn one_input_goes_to_stdout_unless_told_otherwise() {
        let plain = arguments(false, None);
        for inputs in [Inputs::Stdin, files(false)] {
            let chosen = choose(&plain, &inputs, Several::InPlaceOnly).unwrap();
            assert_eq!(chosen, Destination::Stdout);
        }
        let output = arguments(false, Some("out.yaml"));
        let chosen = choose(&output, &Inputs::Stdin, Several::InPlaceOnly).unwrap();
        assert_eq!(chosen, Destination::File("out.yaml".into()));
    }

    #[test]
    fn several_files_need_in_place_unless_they_can_be_joined() {
        let chosen = |in_place, several| choose(&arguments(in_place, None), &files(true), several);
        assert_eq!(chosen(true, Several::InPlaceOnly), Ok(Destination::InPlace));
        assert_eq!(chosen(false, Several::Joined), Ok(Destination::Stdout));
        assert_eq!(chosen(false, Several::InPlaceOnly).unwrap_err().kind, ExitCode::Usage);
    }

    #[test]
    fn a_file_as_its_own_output_is_replaced_and_one_of_several_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        std::fs::write(&path, "").unwrap();
        let same = directory.path().join("./a.yaml");
        let output = arguments(false, same.to_str());
        let inputs = |several| {
            let list = vec![Input { path: path.clone(), explicit: true }];
            Inputs::Files(Files { list, several, ..Files::default() })
        };
        let chosen = choose(&output, &inputs(false), Several::Joined);
        assert_eq!(chosen, Ok(Destination::InPlace));
        let error = choose(&output, &inputs(true), Several::Joined).unwrap_err();
        assert_eq!(error.kind, ExitCode::Usage);
    }

    #[test]
    fn refuses_to_replace_standard_input() {
        let error = choose(&arguments(true, None), &Inputs::Stdin, Several::Joined).unwrap_err();
        assert_eq!(error.kind, ExitCode::Usage);
    }
}
