//! What files held in git's last commit.
//!
//! Asks `git cat-file --batch`, one process for each repository: it prints objects and runs neither hooks nor filters nor
//! a pager. Whatever goes wrong (no git, no repository, no commit, a new file) means "no earlier version": those files
//! are then encrypted afresh, which is always correct.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

/// The versions of some files at `HEAD`.
#[derive(Default)]
pub(crate) struct HeadVersions(HashMap<PathBuf, Vec<u8>>);

impl HeadVersions {
    /// Looks all of them up. Symbolic links are followed.
    pub(crate) fn of<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Self {
        let mut repositories: HashMap<PathBuf, Vec<Wanted>> = HashMap::new();
        let mut roots = HashMap::new();
        for path in paths {
            if let Some((root, wanted)) = Wanted::find(path, &mut roots) {
                repositories.entry(root).or_default().push(wanted);
            }
        }
        let mut versions = HashMap::new();
        for (root, wanted) in repositories {
            // Where git stopped in the middle, the answers until then are whole.
            let _ = ask(&root, &wanted, &mut versions);
        }
        Self(versions)
    }

    /// The text of a file as it was asked for; `None` where there is no earlier version.
    pub(crate) fn get(&self, path: &Path) -> Option<&[u8]> {
        self.0.get(path).map(Vec::as_slice)
    }
}

impl std::fmt::Debug for HeadVersions {
    // A version may hold secrets in clear.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HeadVersions({} files)", self.0.len())
    }
}

/// A file that is looked up.
struct Wanted {
    /// As asked for.
    path: PathBuf,
    /// From the root of the repository.
    relative: PathBuf,
}

impl Wanted {
    fn find(path: &Path, roots: &mut HashMap<PathBuf, Option<PathBuf>>) -> Option<(PathBuf, Self)> {
        let real = fs::canonicalize(path).ok()?;
        let directory = real.parent()?;
        let root = match roots.get(directory) {
            Some(root) => root.clone(),
            None => {
                let root = directory.ancestors().find(|d| d.join(".git").exists());
                let root = root.map(Path::to_owned);
                roots.insert(directory.to_owned(), root.clone());
                root
            }
        }?;
        let relative = real.strip_prefix(&root).ok()?.to_owned();
        // A request is a line, and git drops a carriage return at its end: it would answer for another file.
        let name = relative.as_os_str().as_bytes();
        if name.contains(&b'\n') || name.ends_with(b"\r") {
            return None;
        }
        Some((root, Self { path: path.to_owned(), relative }))
    }
}

fn ask(
    root: &Path,
    wanted: &[Wanted],
    versions: &mut HashMap<PathBuf, Vec<u8>>,
) -> std::io::Result<()> {
    let mut git = batch(root).spawn()?;
    let (Some(requests), Some(answers)) = (git.stdin.take(), git.stdout.take()) else {
        return Ok(());
    };
    let answered = thread::scope(|scope| {
        // Both sides at once: git stops reading when nobody takes its answers.
        scope.spawn(move || request(requests, wanted));
        answers_to(wanted, BufReader::new(answers), versions)
    });
    // Reaps it; if an answer could not be read, the closed pipe ends it.
    git.wait()?;
    answered
}

fn batch(root: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["--no-replace-objects", "cat-file", "--batch", "--buffer"]);
    // In a hook of another repository these point to that one.
    for variable in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_COMMON_DIR",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
    ] {
        git.env_remove(variable);
    }
    // A partial clone must not go to the network, nor run what its configuration names for that.
    git.env("GIT_NO_LAZY_FETCH", "1").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    git
}

fn request(mut git: ChildStdin, wanted: &[Wanted]) {
    let mut lines = Vec::new();
    for one in wanted {
        // With the revision in front no name can be taken for an option.
        lines.extend_from_slice(b"HEAD:");
        lines.extend_from_slice(one.relative.as_os_str().as_bytes());
        lines.push(b'\n');
    }
    // A git that does not run answers nothing, which says it all.
    let _ = git.write_all(&lines);
}

/// Reads `ID TYPE SIZE\n` and so many bytes and `\n` for each request, or a line that ends otherwise.
fn answers_to(
    wanted: &[Wanted],
    mut git: BufReader<ChildStdout>,
    versions: &mut HashMap<PathBuf, Vec<u8>>,
) -> std::io::Result<()> {
    for one in wanted {
        let mut line = Vec::new();
        git.read_until(b'\n', &mut line)?;
        let Some((is_blob, size)) = header(&line) else {
            continue;
        };
        let mut bytes = Vec::new();
        git.by_ref().take(size).read_to_end(&mut bytes)?;
        git.read_exact(&mut [0])?;
        if bytes.len() as u64 == size && is_blob {
            versions.insert(one.path.clone(), bytes);
        }
    }
    Ok(())
}

/// Whether it is a file, and its size; `None` for `HEAD:name missing` and the like.
fn header(line: &[u8]) -> Option<(bool, u64)> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let mut fields = line.split(' ');
    let (id, kind, size) = (fields.next()?, fields.next()?, fields.next()?);
    // A missing file is answered with its name, which may look like anything but starts with the revision.
    let is_id = id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id || fields.next().is_some() {
        return None;
    }
    Some((kind == "blob", size.parse().ok()?))
}

#[cfg(test)]
mod tests;
