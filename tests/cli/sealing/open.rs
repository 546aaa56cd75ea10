use super::{base64, directory, fixture, value};

#[test]
fn decrypt_opens_what_kubeseal_sealed() {
    let directory = directory();
    for scope in ["strict", "namespace-wide", "cluster-wide"] {
        directory.write("sealed.yaml", fixture(&format!("sealed-{scope}.yaml")));
        let run = directory.done(&["decrypt", "--sealing-key", "key.yaml", "sealed.yaml"]);
        let mut theirs = value(&fixture(&format!("unsealed-{scope}.yaml")));
        theirs["metadata"].as_object_mut().unwrap().remove("ownerReferences");
        assert_eq!(value(run.out()), theirs, "{scope}");
        assert_eq!(run.stderr, "decrypted 1 file (4 secrets in 1 document)\n");
    }
    directory.write("sealed.json", fixture("sealed-strict.json"));
    let run = directory.done(&["decrypt", "--sealing-key", "key.yaml", "sealed.json"]);
    let secret: serde_json::Value = serde_json::from_str(run.out()).unwrap();
    assert_eq!(secret["data"]["username"], base64("app"));
}

#[test]
fn templates_are_rendered_as_the_controller_does() {
    let directory = directory();
    let sealed = fixture("sealed-strict.yaml")
        .replace("  template:\n", "  template:\n    data:\n      # for the client\n      url: 'db://{{ .username | upper }}'\n");
    directory.write("sealed.yaml", sealed);
    let run = directory.done(&["decrypt", "--sealing-key", "key.yaml", "sealed.yaml"]);
    assert_eq!(value(run.out())["data"]["url"], base64("db://APP"));
    assert!(run.out().contains("  # for the client\n  url: "), "{}", run.out());
    let run =
        directory.done(&["get", "--sealing-key", "key.yaml", "sealed.yaml", "stringData/url"]);
    assert_eq!(run.out(), "db://APP");
}

#[test]
fn a_template_that_fails_is_named_and_nothing_is_printed() {
    let directory = directory();
    let sealed = fixture("sealed-strict.yaml").replace(
        "  template:\n",
        "  template:\n    data:\n      url: '{{ .username | nonsense }}'\n",
    );
    directory.write("sealed.yaml", sealed);
    let run = directory.seal(&["decrypt", "--sealing-key", "key.yaml", "sealed.yaml"]).run();
    assert_eq!((run.code, run.out()), (1, ""), "{}", run.stderr);
    assert!(run.stderr.contains("SealedSecret shop/db: "), "{}", run.stderr);
    assert!(run.stderr.contains("url"), "{}", run.stderr);
}

#[test]
fn keys_come_as_pem_secret_or_list_and_by_variable() {
    let directory = directory();
    directory.write("sealed.yaml", fixture("sealed-strict.yaml"));
    let secret = fixture("sealing-key.yaml");
    let item: String = secret.lines().map(|line| format!("  {line}\n")).collect();
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {}", item.trim_start());
    directory.write("list.yaml", list);
    let json: serde_json::Value = serde_yaml::from_str(&secret).unwrap();
    directory.write("key.json", json.to_string());
    let pem = directory.done(&["get", "--decode", "key.yaml", "data/tls.key"]);
    directory.write("key.pem", pem.stdout);
    for key in ["key.yaml", "list.yaml", "key.json", "key.pem"] {
        let run = directory.done(&["decrypt", "--sealing-key", key, "sealed.yaml"]);
        assert!(run.out().contains("kind: Secret"), "{key}");
    }
    let variable = directory.path("key.pem");
    let run =
        directory.seal(&["decrypt", "sealed.yaml"]).env("SEAL_SEALING_KEY_FILE", variable).run();
    assert!(run.out().contains("kind: Secret"), "{}", run.out());
}

#[test]
fn without_a_key_a_sealed_secret_passes_untouched_and_counts_as_encrypted() {
    let directory = directory();
    directory.write("sealed.yaml", fixture("sealed-strict.yaml"));
    for arguments in
        [&["decrypt", "sealed.yaml"][..], &["decrypt", "--require-encrypted", "sealed.yaml"]]
    {
        let run = directory.done(arguments);
        assert_eq!(run.out(), fixture("sealed-strict.yaml"));
    }
    directory.write(
        "both.yaml",
        format!("{}---\n{}", fixture("secret.yaml"), fixture("sealed-strict.yaml")),
    );
    assert_ne!(directory.seal(&["decrypt", "--require-encrypted", "both.yaml"]).run().code, 0);
}

#[test]
fn what_does_not_open_is_explained() {
    let directory = directory();
    let decrypt = |text: &str, key: &str| {
        directory.write("sealed.yaml", text);
        directory.seal(&["decrypt", "--sealing-key", key, "sealed.yaml"]).run()
    };
    let sealed = fixture("sealed-strict.yaml");
    decrypt(&sealed, "other-key.pem").golden("sealing/wrong-key-size");
    decrypt(
        &sealed.replace(
            "  name: db\n  namespace: shop\nspec",
            "  name: other\n  namespace: shop\nspec",
        ),
        "key.yaml",
    )
    .golden("sealing/wrong-name");
    decrypt(
        &fixture("sealed-cluster-wide.yaml")
            .replace("cluster-wide: \"true\"", "cluster-wide: \"no\""),
        "key.yaml",
    )
    .golden("sealing/wrong-scope");
    let cut = regex::Regex::new("token: .*").unwrap();
    decrypt(&cut.replace(&sealed, "token: AgAA"), "key.yaml").golden("sealing/cut-off");
    decrypt(&cut.replace(&sealed, "token: hunter2"), "key.yaml").golden("sealing/not-sealed");
    decrypt(&sealed, "cert.pem").golden("sealing/no-private-key");
    decrypt(&sealed, "missing.pem").golden("sealing/missing-key");
    let run = decrypt(&tampered(&sealed), "key.yaml");
    assert_eq!((run.code, run.out()), (3, ""), "{}", run.stderr);
}

/// With the last byte of a value changed.
fn tampered(sealed: &str) -> String {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    let token = regex::Regex::new("token: (.*)").unwrap();
    let text = token.captures(sealed).unwrap()[1].to_owned();
    let mut bytes = BASE64_STANDARD.decode(&text).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    sealed.replace(&text, &BASE64_STANDARD.encode(bytes))
}

#[test]
fn verify_proves_that_a_backup_opens_a_tree() {
    let directory = directory();
    directory.write("deploy/a.yaml", fixture("sealed-strict.yaml"));
    directory.write("deploy/b.yaml", fixture("sealed-cluster-wide.yaml"));
    let run = directory.done(&["verify", "--sealing-key", "key.yaml", "deploy"]);
    assert_eq!(run.stderr, "verified 2 files (8 secrets in 2 documents)\n");
    assert_eq!(run.out(), "");
    let run = directory.seal(&["verify", "--sealing-key", "other-key.pem", "deploy"]).run();
    assert_eq!(run.code, 4, "{}", run.stderr);
    let run = directory.done(&["verify", "deploy"]);
    assert_eq!(
        run.stderr,
        "nothing to verify, 2 sealed for a cluster and not verified (see --sealing-key and --cluster), 2 skipped\n"
    );
}

#[test]
fn get_prints_a_sealed_value() {
    let directory = directory();
    directory.write("sealed.yaml", fixture("sealed-strict.yaml"));
    for path in ["stringData/password", "spec/encryptedData/password"] {
        let run = directory.done(&["get", "--sealing-key", "key.yaml", "sealed.yaml", path]);
        assert_eq!(run.out(), "hunter2", "{path}");
    }
    let run = directory.done(&[
        "get",
        "--sealing-key",
        "key.yaml",
        "--document",
        "SealedSecret/db",
        "sealed.yaml",
        "data/password",
    ]);
    assert_eq!(run.out(), base64("hunter2"));
}

#[test]
fn a_check_is_content_with_what_is_sealed_and_not_with_what_is_cut_off() {
    let directory = directory();
    directory.write("sealed.yaml", fixture("sealed-strict.yaml"));
    assert_eq!(directory.seal(&["check", "sealed.yaml"]).run().code, 0);
    let cut = regex::Regex::new("token: .*").unwrap();
    directory.write("sealed.yaml", &*cut.replace(&fixture("sealed-strict.yaml"), "token: hunter2"));
    let run = directory.seal(&["check", "sealed.yaml"]).run();
    assert_eq!(run.code, 5);
    assert!(run.out().contains("[sealed-secret]"), "{}", run.out());
}
