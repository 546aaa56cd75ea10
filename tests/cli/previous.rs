//! The daily loop: a fresh render over an encrypted release.

use crate::harness::TestDir;
use crate::keys::{self, COLLEAGUE, RECIPIENT};
use crate::manifests::{API, SECRET, SERVICE, stream};

/// Encrypted and committed, and then rendered anew.
fn rendered_anew(render: &str) -> (TestDir, String) {
    let directory = TestDir::with(&[("release.yaml", &stream(&[SECRET, API, SERVICE]))]);
    directory.done(&["encrypt", "-i", "release.yaml"]);
    directory.commit();
    let encrypted = directory.read("release.yaml");
    directory.write("release.yaml", render);
    (directory, encrypted)
}

#[test]
fn an_unchanged_render_gives_the_file_that_git_has() {
    let (directory, encrypted) = rendered_anew(&stream(&[SECRET, API, SERVICE]));
    directory.seal(&["encrypt", "-i", "release.yaml"]).run().golden("previous/unchanged");
    assert_eq!(directory.read("release.yaml"), encrypted);
    assert_eq!(directory.git(&["status", "--porcelain"]), "");
}

#[test]
fn only_the_document_that_changed_gets_a_new_envelope() {
    let changed = API.replace("hunter2-api", "hunter2-new");
    let (directory, encrypted) = rendered_anew(&stream(&[SECRET, &changed, SERVICE]));
    directory.seal(&["encrypt", "-i", "release.yaml"]).run().golden("previous/one-changed");
    let now = directory.read("release.yaml");
    let (database, _) = encrypted.split_once("name: api").unwrap();
    assert!(now.starts_with(database));
    assert_ne!(now, encrypted);
    assert_eq!(directory.decrypted("release.yaml"), stream(&[SECRET, &changed, SERVICE]));
}

#[test]
fn a_document_that_is_bound_to_another_name_gets_a_new_envelope() {
    let renamed = API.replace("name: api", "name: api2");
    let (directory, _) = rendered_anew(&stream(&[SECRET, &renamed, SERVICE]));
    directory.seal(&["encrypt", "-i", "release.yaml"]).run().golden("previous/one-renamed");
    assert_eq!(directory.decrypted("release.yaml"), stream(&[SECRET, &renamed, SERVICE]));
}

#[test]
fn everything_is_encrypted_afresh_on_demand() {
    let (directory, encrypted) = rendered_anew(&stream(&[SECRET, API, SERVICE]));
    let run = directory.seal(&["encrypt", "-i", "--previous", "none", "release.yaml"]).run();
    run.golden("previous/none");
    assert_ne!(directory.read("release.yaml"), encrypted);
}

#[test]
fn without_an_identity_everything_is_encrypted_afresh_and_it_says_so() {
    let (directory, encrypted) = rendered_anew(&stream(&[SECRET, API, SERVICE]));
    std::fs::remove_file(directory.home(".config/sops/age/keys.txt")).unwrap();
    directory.seal(&["encrypt", "-i", "release.yaml"]).run().golden("previous/no-identity");
    assert_ne!(directory.read("release.yaml"), encrypted);
}

#[test]
fn other_recipients_mean_new_envelopes() {
    let (directory, encrypted) = rendered_anew(&stream(&[SECRET, API, SERVICE]));
    let rules = keys::rules("").replace(RECIPIENT, &format!("{RECIPIENT},{COLLEAGUE}"));
    directory.write(".sops.yaml", rules);
    directory.seal(&["encrypt", "-i", "release.yaml"]).run().golden("previous/other-recipients");
    let now = directory.read("release.yaml");
    assert!(now.contains(COLLEAGUE));
    assert!(!encrypted.lines().filter(|line| line.contains("ENC[")).any(|line| now.contains(line)));
}

#[test]
fn an_output_is_compared_with_what_it_holds() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    directory.done(&["encrypt", "-o", "enc.yaml", "db.yaml"]);
    let before = directory.read("enc.yaml");
    let modified = || directory.path("enc.yaml").metadata().unwrap().modified().unwrap();
    let written = modified();
    directory.seal(&["encrypt", "-o", "enc.yaml", "db.yaml"]).run().golden("previous/output");
    assert_eq!(directory.read("enc.yaml"), before);
    assert_eq!(modified(), written, "written although nothing changed");
    // From standard input as well.
    let run = directory.seal(&["encrypt", "-o", "enc.yaml"]).stdin(SECRET).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(directory.read("enc.yaml"), before);
}

#[test]
fn the_version_to_compare_with_can_be_named() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    directory.done(&["encrypt", "-o", "enc.yaml", "db.yaml"]);
    let run = directory.done(&["encrypt", "--previous", "enc.yaml", "db.yaml"]);
    assert_eq!(run.out(), directory.read("enc.yaml"));
    let run = directory.seal(&["encrypt", "--previous", "gone.yaml", "db.yaml"]).run();
    run.golden("previous/not-found");
    assert_eq!(run.out(), "");
}

#[test]
fn a_planted_version_is_not_kept() {
    // Somebody without the identity puts a Secret of another name and a known data key in its place.
    let directory = TestDir::with(&[("db.yaml", SECRET), ("planted.yaml", API)]);
    directory.done(&["encrypt", "-i", "planted.yaml"]);
    let planted = directory.read("planted.yaml").replace("name: api", "name: db");
    directory.write("enc.yaml", &planted);
    directory.done(&["encrypt", "-o", "enc.yaml", "db.yaml"]);
    let wrapped = |text: &str| {
        let (_, from) = text.split_once("-----BEGIN AGE").unwrap();
        from.split_once("-----END AGE").unwrap().0.to_owned()
    };
    assert_ne!(wrapped(&directory.read("enc.yaml")), wrapped(&planted));
    assert_eq!(directory.decrypted("enc.yaml"), SECRET);
}
