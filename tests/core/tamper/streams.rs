//! Several documents: whole ones added, removed, put in another order, and mixed.

use seal_core::file::Class;
use seal_core::format::Format;

use super::altering::{File, Kind, secret};
use super::support;

const A: &str = "Secret prod/a";

#[test]
fn rejects_a_document_added_to_a_stream_of_sops() {
    let stream = Kind::SopsStream.file();
    let [a, b] = <[String; 2]>::try_from(stream.documents()).unwrap();
    File { text: format!("{a}---\n{b}---\n{a}") }.is_refused(A);
    // A document without the envelope makes it no stream of SOPS's any more.
    for clear in ["kind: ConfigMap\napiVersion: v1\n", "", "x: y\n"] {
        File { text: format!("{a}---\n{b}---\n{clear}") }.is_refused(A);
        if !clear.is_empty() {
            File { text: format!("{clear}---\n{a}---\n{b}") }.is_refused(A);
        }
    }
}

#[test]
fn rejects_a_document_removed_from_a_stream_of_sops() {
    let [a, b] = <[String; 2]>::try_from(Kind::SopsStream.file().documents()).unwrap();
    File { text: a }.is_refused(A);
    File { text: b }.is_refused("Secret prod/b");
}

#[test]
fn rejects_a_stream_of_sops_in_another_order() {
    let [a, b] = <[String; 2]>::try_from(Kind::SopsStream.file().documents()).unwrap();
    let error = File { text: format!("{b}---\n{a}") }.is_refused("Secret prod/b");
    assert!(error.hint.as_ref().unwrap().contains("MAC depends on the order"));
}

#[test]
fn rejects_a_mixture_of_both_layouts() {
    let [a, b] = <[String; 2]>::try_from(Kind::SopsStream.file().documents()).unwrap();
    let own = Kind::Bound.file().text;
    File { text: format!("{a}---\n{b}---\n{own}") }.is_refused(A);
    File { text: format!("{own}---\n{b}") }.is_refused("Secret prod/b");
}

#[test]
fn encrypting_refuses_to_make_such_a_mixture() {
    let stream = Kind::SopsStream.file().text;
    let source = format!("{stream}---\n{}", secret("new"));
    let error = support::try_encrypt(
        Format::Yaml,
        source.as_bytes(),
        &support::options(),
        support::KEY,
        None,
    )
    .unwrap_err();
    assert!(error.hint.as_ref().unwrap().contains("decrypt the file first"));
    // A new Secret beside documents with envelopes of their own is what a maintainer does.
    let source = format!("{}---\n{}", Kind::BoundStream.file().text, secret("new"));
    let encrypted = support::encrypted(Format::Yaml, &source, &support::options());
    assert_eq!(support::try_decrypt(Format::Yaml, &encrypted).unwrap().objects.len(), 3);
}

#[test]
fn our_documents_may_be_added_removed_and_put_in_any_order() {
    let [a, b] = <[String; 2]>::try_from(Kind::BoundStream.file().documents()).unwrap();
    let other = "kind: ConfigMap\napiVersion: v1\ndata: {password: clear}\n";
    for text in [
        a.clone(),
        b.clone(),
        format!("{b}---\n{a}"),
        format!("{other}---\n{b}---\n{other}---\n---\n{a}"),
        format!("{a}---\n{a}"),
        format!("{a}---\n{b}---\n{a}"),
    ] {
        let back = File { text: text.clone() }.is_accepted();
        assert!(!back.contains("ENC["), "{back}");
        assert_eq!(back.contains("hunter2-b"), text.contains("name: b"));
    }
}

#[test]
fn files_encrypted_apart_may_be_put_together() {
    let unbound = Kind::Unbound.file().text;
    let options = seal_core::file::EncryptOptions {
        last_modified: "2025-01-01T00:00:00Z".to_owned(),
        ..support::options()
    };
    let other = support::try_encrypt(Format::Yaml, secret("c").as_bytes(), &options, [9; 32], None);
    let other = String::from_utf8(other.unwrap().bytes.unwrap()).unwrap();
    let text = format!("{unbound}---\n{other}");
    let objects = support::try_decrypt(Format::Yaml, &text).unwrap().objects;
    assert_eq!(objects.iter().map(|object| object.bound).collect::<Vec<_>>(), [false, true]);
}

/// A `List` as SOPS encrypts it: one envelope around it, and a MAC over what is encrypted only.
fn list_of_sops() -> File {
    let source = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: a}\n  data:\n    \
                  password: aHVudGVyMg==\n";
    let options = seal_core::file::EncryptOptions {
        layout: seal_core::file::Layout::Sops,
        mac_only_encrypted: Some(true),
        ..support::options()
    };
    let encrypted = support::encrypted(Format::Yaml, source, &options);
    let file = File { text: super::altering::unbound(&encrypted) };
    assert_eq!(file.is_accepted(), source);
    file
}

#[test]
fn rejects_a_clear_value_in_a_secret_of_a_list_under_one_envelope() {
    // The rule narrowed: SOPS takes the added value for one that is not meant to be encrypted.
    let narrowed =
        list_of_sops().replace("encrypted_regex: ^(data|stringData)$", "encrypted_regex: ^data$");
    narrowed.is_accepted();
    let error =
        narrowed.insert(0, "items/0/data", "stringData: {password: evil}").is_refused("Secret a");
    let path = error.path.as_ref().unwrap().to_string();
    assert_eq!(path, r#"["items"][0]["stringData"]["password"]"#);
}

#[test]
fn errors_in_a_stream_of_sops_name_the_line_of_the_file() {
    let file = Kind::SopsStream.file();
    let broken = file.set(1, "stringData/password", "hunter3");
    let line = 1 + broken.text[..broken.text.find("hunter3").unwrap()].matches('\n').count();
    let error = broken.is_refused("Secret prod/b");
    assert_eq!(error.position.unwrap().line, line);
}

#[test]
fn a_stream_that_sops_has_rewritten_is_told_apart() {
    let text = support::encrypted(
        Format::Yaml,
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {p: one}\n",
        &support::options(),
    );
    let block = &text[text.find("sops:").unwrap()..];
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {p: x}\n";
    // What `sops updatekeys` makes of a Secret and a ConfigMap in one file.
    let file = File { text: format!("{text}---\n{config}{block}") };
    let error = file.decrypted().unwrap_err();
    assert_eq!(error.class, Class::Refused);
    assert!(error.hint.as_deref().unwrap().contains("sops wrote this file"), "{:?}", error.hint);
}
