//! Values altered, moved, added, emptied and removed.

use super::altering::{ALL, BOUND, File, Kind};

const PASSWORD: &str = r#"["stringData"]["password"]"#;
const A: &str = "Secret prod/a";

#[test]
fn rejects_a_value_moved_to_another_key() {
    for kind in ALL {
        let file = kind.file();
        let (password, user) =
            (file.value(0, "stringData/password"), file.value(0, "stringData/user"));
        let user = user.trim_matches('\'');
        file.set(0, "stringData/password", user).is_refused_at(A, PASSWORD);
        let swapped = file.set(0, "stringData/password", user).set(0, "stringData/user", &password);
        swapped.is_refused_at(A, PASSWORD);
        file.rename(0, "stringData/password", "pass").is_refused_at(A, r#"["stringData"]["pass"]"#);
    }
}

#[test]
fn rejects_a_value_moved_between_data_and_string_data() {
    for kind in ALL {
        let file = kind.file();
        let moved = file.value(0, "data/password");
        file.set(0, "stringData/password", &moved).is_refused_at(A, PASSWORD);
    }
}

#[test]
fn rejects_a_value_moved_to_another_document() {
    for kind in [Kind::BoundStream, Kind::SopsStream] {
        let file = kind.file();
        let other = file.value(1, "stringData/password");
        file.set(0, "stringData/password", &other).is_refused(A);
    }
}

#[test]
fn rejects_items_of_a_list_in_another_order() {
    for kind in ALL {
        let file = kind.file();
        let list = file.value(0, "stringData/list");
        let items: Vec<&str> = list.trim_matches(['[', ']']).split(", ").collect();
        assert_eq!(items.len(), 2);
        file.set(0, "stringData/list", &format!("[{}, {}]", items[1], items[0])).is_refused(A);
    }
}

#[test]
fn rejects_any_altered_part_of_a_value() {
    for kind in ALL {
        let file = kind.file();
        let value = file.value(0, "stringData/password");
        for part in ["data:", "iv:", "tag:"] {
            let at = value.find(part).unwrap() + part.len();
            let other = if value[at..].starts_with('A') { 'B' } else { 'A' };
            let mut altered = value.clone();
            altered.replace_range(at..=at, &other.to_string());
            file.set(0, "stringData/password", &altered).is_refused_at(A, PASSWORD);
        }
    }
}

#[test]
fn rejects_an_altered_type() {
    for kind in ALL {
        let file = kind.file();
        let value = file.value(0, "stringData/password");
        for other in ["int", "float", "bool", "time", "comment", "unknown"] {
            let altered = value.replace("type:str", &format!("type:{other}"));
            file.set(0, "stringData/password", &altered).is_refused_at(A, PASSWORD);
        }
    }
}

#[test]
fn rejects_a_type_that_reads_the_same_text_where_the_envelope_is_bound() {
    for kind in ALL {
        let file = kind.file();
        for (path, other) in [
            ("stringData/digits", "int"),
            ("stringData/digits", "float"),
            ("stringData/password", "bytes"),
        ] {
            let altered = file.value(0, path).replace("type:str", &format!("type:{other}"));
            let altered = file.set(0, path, &altered);
            // SOPS's MAC hashes the same text for all of them, and GCM does not cover the type.
            match kind.is_bound() {
                true => drop(altered.is_refused(A)),
                false => drop(altered.is_accepted()),
            }
        }
    }
}

#[test]
fn rejects_text_behind_a_value() {
    for kind in ALL {
        let file = kind.file();
        let value = file.value(0, "stringData/password");
        file.set(0, "stringData/password", &format!("{value} x")).is_refused_at(A, PASSWORD);
        file.set(0, "stringData/password", &format!("{value}]")).is_refused_at(A, PASSWORD);
    }
}

#[test]
fn rejects_a_clear_value_in_the_region() {
    for kind in ALL {
        for key in ["stringData/user", "data/password"] {
            let added = kind.file().insert(0, key, "added: hunter3");
            let region = key.split('/').next().unwrap();
            added.is_refused_at(A, &format!(r#"["{region}"]["added"]"#));
        }
        kind.file().set(0, "stringData/password", "hunter3").is_refused_at(A, PASSWORD);
        kind.file()
            .set(0, "stringData/list", "[hunter3]")
            .is_refused_at(A, r#"["stringData"]["list"][0]"#);
        kind.file()
            .set(0, "stringData/digits", "5")
            .is_refused_at(A, r#"["stringData"]["digits"]"#);
    }
}

#[test]
fn rejects_null_in_the_region() {
    for kind in ALL {
        for null in ["added:", "added: null", "added: ~"] {
            let added = kind.file().insert(0, "stringData/user", null);
            added.is_refused_at(A, r#"["stringData"]["added"]"#);
        }
    }
}

#[test]
fn rejects_an_added_empty_value_where_the_envelope_is_bound() {
    for kind in ALL {
        let added = kind.file().insert(0, "stringData/user", "added: \"\"");
        // The empty string is in no MAC of SOPS's, and is never encrypted.
        match kind.is_bound() {
            true => drop(added.is_refused(A)),
            false => drop(added.is_accepted()),
        }
    }
}

#[test]
fn rejects_a_copied_value() {
    for kind in ALL {
        let file = kind.file();
        let copy = file.value(0, "stringData/password");
        let added = file.insert(0, "stringData/user", &format!("added: {copy}"));
        added.is_refused_at(A, r#"["stringData"]["added"]"#);
        // Items of a list have the same additional data.
        let list = file.value(0, "stringData/list");
        let first = list.trim_matches(['[', ']']).split(", ").next().unwrap();
        let longer = format!("[{first}, {}", &list[1..]);
        file.set(0, "stringData/list", &longer).is_refused(A);
    }
}

#[test]
fn rejects_an_emptied_value() {
    for kind in ALL {
        kind.file().set(0, "stringData/password", "\"\"").is_refused(A);
        kind.file().set(0, "stringData/list", "[]").is_refused(A);
        kind.file().set(0, "stringData/list", "{}").is_refused(A);
    }
}

#[test]
fn rejects_a_removed_value() {
    for kind in ALL {
        for path in ["stringData/password", "stringData/list", "data/password"] {
            kind.file().remove(0, path).is_refused(A);
        }
    }
    for kind in BOUND {
        kind.file().remove(0, "stringData/empty").is_refused(A);
    }
}

#[test]
fn rejects_an_alias_in_the_place_of_a_value() {
    for kind in ALL {
        let file = kind.file();
        let value = file.value(0, "stringData/password");
        let aliased = file.set(0, "stringData/password", &format!("&x {value}")).set(
            0,
            "stringData/digits",
            "*x",
        );
        aliased.is_refused_at(A, r#"["stringData"]["digits"]"#);
    }
}

#[test]
fn rejects_a_merge_key_that_brings_values_in() {
    for kind in ALL {
        let inside = kind.file().insert(0, "stringData/user", "<<: {added: hunter3}");
        inside.is_refused_at(A, r#"["stringData"]["<<"]["added"]"#);
        for merged in ["{stringData: {user: evil}}", "{immutable: true}", "[{data: {x: eA==}}]"] {
            let above = kind.file().insert(0, "kind", &format!("<<: {merged}"));
            let error = above.is_refused(A);
            assert!(error.path.as_ref().unwrap().to_string().starts_with(r#"["<<"]"#));
        }
    }
}

#[test]
fn rejects_a_region_under_an_odd_spelling_of_its_key() {
    for kind in ALL {
        // `!!binary` of `stringData`, and escapes.
        let file = kind.file().replace("stringData:\n", "\"\\x73tringData\":\n");
        file.is_accepted();
        let file = kind.file().remove(0, "stringData/empty");
        let file =
            file.replace("data:\n  password", "data:\n  !!binary YWRkZWQ=: hunter3\n  password");
        file.is_refused_at(A, r#"["data"]["added"]"#);
    }
}

#[test]
fn rejects_a_comment_in_the_place_of_a_value() {
    let source = super::altering::secret("a").replace("  list:", "  # note\n  list:");
    let text = super::support::encrypted(
        seal_core::format::Format::Yaml,
        &source,
        &super::support::options(),
    );
    let file = File { text };
    let start = file.text.find("#ENC").unwrap() + 1;
    let comment = file.text[start..].lines().next().unwrap().to_owned();
    // Only as an item of a list: there SOPS writes comments so.
    file.set(0, "stringData/password", &comment).is_refused_at(A, PASSWORD);
    file.set(0, "stringData/list", &format!("['{comment}']")).is_refused(A);
    assert_eq!(file.is_accepted(), source);
}
