use std::process::{Command, Stdio};

use super::*;

#[test]
fn dump() {
    let Ok(path) = std::env::var("DUMP") else { return };
    let to = std::env::var("TO").unwrap();
    let source = std::fs::read(&path).unwrap();
    let format = if path.ends_with("json") { Format::Json } else { Format::Yaml };
    let stream = format.parse(&source).unwrap();
    let tree = Tree::read(format, &stream).unwrap();
    let mut out = Text::default();
    match to.as_str() {
        "dotenv" => dotenv::print(&tree.documents[0], true, &mut out).unwrap(),
        "ini" => ini::print(&tree, true, &mut out).unwrap(),
        "yaml" => yaml::print(&tree, 4, true, &mut out).unwrap(),
        _ => {
            json::print(&tree.documents[0], "\t", true, &mut out).unwrap();
            out.push("\n")
        }
    }
    std::fs::write(std::env::var("OUT").unwrap(), out.finish().expose()).unwrap();
}
