//! Paths with slashes. Those of the operating system are the same here.

use super::super::arguments::{Arguments, Type};
use super::super::machine::Machine;
use super::super::value::Value;
use super::{Function, Outcome};

const TEXT: &[Type] = &[Type::Text];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("base", TEXT, |machine, arguments| part(machine, &arguments, base)),
    Function::new("dir", TEXT, |machine, arguments| part(machine, &arguments, directory)),
    Function::new("clean", TEXT, |machine, arguments| part(machine, &arguments, clean)),
    Function::new("ext", TEXT, |machine, arguments| part(machine, &arguments, extension)),
    Function::new("isAbs", TEXT, is_absolute),
    Function::new("osBase", TEXT, |machine, arguments| part(machine, &arguments, base)),
    Function::new("osDir", TEXT, |machine, arguments| part(machine, &arguments, directory)),
    Function::new("osClean", TEXT, |machine, arguments| part(machine, &arguments, clean)),
    Function::new("osExt", TEXT, |machine, arguments| part(machine, &arguments, extension)),
    Function::new("osIsAbs", TEXT, is_absolute),
];

fn part(machine: &mut Machine<'_>, arguments: &Arguments, part: fn(&[u8]) -> Vec<u8>) -> Outcome {
    let path = arguments.text(0)?;
    machine.read(path.bytes().len().saturating_mul(4))?;
    machine.reserve(path.bytes().len())?;
    Ok(machine.text(part(path.bytes()))?)
}

fn is_absolute(_: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    Ok(Value::Bool(arguments.text(0)?.bytes().starts_with(b"/")))
}

fn base(path: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return b".".to_vec();
    }
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let name = path[..end].rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if name.is_empty() { b"/".to_vec() } else { name.to_vec() }
}

fn directory(path: &[u8]) -> Vec<u8> {
    let end = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    clean(&path[..end])
}

fn extension(path: &[u8]) -> Vec<u8> {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let dot = name.iter().rposition(|byte| *byte == b'.');
    dot.map(|dot| name[dot..].to_vec()).unwrap_or_default()
}

/// Without doubled slashes, `.` and what `..` takes back.
fn clean(path: &[u8]) -> Vec<u8> {
    let is_rooted = path.starts_with(b"/");
    let mut kept: Vec<&[u8]> = Vec::new();
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if kept.last().is_some_and(|last| *last != b"..") => drop(kept.pop()),
            b".." if is_rooted => {}
            _ => kept.push(name),
        }
    }
    let mut out = if is_rooted { b"/".to_vec() } else { Vec::new() };
    out.extend_from_slice(&kept.join(&b'/'));
    if out.is_empty() { b".".to_vec() } else { out }
}
