use super::*;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    let variables =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment { variables, service_account_namespace: None }
}

fn read(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Request, clap::Error> {
    let arguments =
        std::iter::once("seal-controller").chain(arguments.iter().copied()).map(OsString::from);
    Request::read(arguments.collect(), &environment(variables))
}

fn settings_with(arguments: &[&str], variables: &[(&str, &str)]) -> Settings {
    match read(arguments, variables) {
        Ok(Request::Run(settings)) => *settings,
        other => panic!("{other:?}"),
    }
}

fn settings(arguments: &[&str]) -> Settings {
    settings_with(arguments, &[])
}

fn refusal(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let error = read(arguments, variables).expect_err("refused");
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string()
}

#[test]
fn the_defaults_are_those_of_sealed_secrets() {
    let settings = settings(&[]);
    assert_eq!(settings.key_namespace, "default");
    assert_eq!(settings.key_prefix, "sealed-secrets-key");
    assert_eq!(settings.key_size, 4096);
    assert_eq!(settings.key_ttl, Duration::from_secs(87_600 * 3600));
    assert_eq!(settings.my_cn, "");
    assert_eq!(settings.key_renew_period, Duration::from_secs(720 * 3600));
    assert_eq!(settings.key_order, KeyOrder::CertNotBefore);
    assert_eq!(settings.key_cutoff, None);
    assert!(settings.accept_deprecated_v1_data);
    assert!(settings.namespaces.is_empty());
    assert_eq!(settings.label_selector, None);
    assert!(settings.update_status);
    assert!(!settings.skip_recreate);
    assert!(!settings.old_gc_behavior);
    assert!(!settings.metrics_omit_secret_labels);
    assert_eq!(settings.http.address, ":8080");
    assert_eq!(settings.http.metrics_address, ":8081");
    assert_eq!(settings.http.read_timeout, Duration::from_secs(120));
    assert_eq!(settings.http.write_timeout, Duration::from_secs(120));
    assert_eq!((settings.http.rate, settings.http.burst), (2, 2));
    let log = LogSettings { level: LogLevel::Info, format: LogFormat::Text, info_to_stdout: true };
    assert_eq!(settings.log, log);
    assert!(settings.without_effect.is_empty());
}

#[test]
fn what_differs_from_sealed_secrets_by_default_is_the_limit_on_requests_to_the_api_server() {
    assert_eq!(settings(&[]).client_limit, None);
    assert_eq!(settings(&["--kubeclient-qps=-1"]).client_limit, None);
    assert_eq!(settings(&["--kubeclient-qps=0", "--kubeclient-burst", "-1"]).client_limit, None);
    let limit = settings(&["--kubeclient-qps=2.5"]).client_limit;
    assert_eq!(limit, Some(ClientLimit { per_second: 2.5, burst: 10 }));
    let limit = settings(&["--kubeclient-qps", "20", "--kubeclient-burst", "40"]).client_limit;
    assert_eq!(limit, Some(ClientLimit { per_second: 20.0, burst: 40 }));
}

#[test]
fn every_flag_of_sealed_secrets_is_understood_with_both_spellings_and_from_the_environment() {
    for (flag, value) in [
        ("key-prefix", "mykey-"),
        ("key-size", "2048"),
        ("key-ttl", "1h30m"),
        ("my-cn", "cluster one"),
        ("key-renew-period", "0"),
        ("rotate-period", "24h"),
        ("key-order-priority", "SecretCreationTimestamp"),
        ("key-cutoff-time", "Mon, 02 Jan 2006 15:04:05 -0700"),
        ("accept-deprecated-v1-data", "false"),
        ("all-namespaces", "false"),
        ("additional-namespaces", "a,b"),
        ("label-selector", "team=shop,env in (dev, test)"),
        ("rate-limit", "7"),
        ("rate-limit-burst", "9"),
        ("metrics-omit-secret-labels", "true"),
        ("privatekey-annotations", "a=b,c=d"),
        ("privatekey-labels", "a=b,c=d"),
        ("old-gc-behavior", "true"),
        ("update-status", "false"),
        ("watch-for-secrets", "true"),
        ("skip-recreate", "true"),
        ("log-info-stdout", "false"),
        ("log-level", "ERROR"),
        ("log-format", "json"),
        ("max-unseal-retries", "10"),
        ("kubeclient-qps", "50"),
        ("kubeclient-burst", "100"),
        ("listen-addr", "127.0.0.1:0"),
        ("listen-metrics-addr", "127.0.0.1:0"),
        ("read-timeout", "30s"),
        ("write-timeout", "30s"),
    ] {
        let default = format!("{:?}", settings(&[]));
        let joined = format!("{:?}", settings(&[&format!("--{flag}={value}")]));
        // Sealing keys are watched anyway, and a burst means nothing without a rate.
        let may_be_equal = ["watch-for-secrets", "kubeclient-burst"].contains(&flag);
        assert!(joined != default || may_be_equal, "--{flag}={value} changes nothing");
        if !["true", "false"].contains(&value) {
            assert_eq!(format!("{:?}", settings(&[&format!("--{flag}"), value])), joined);
        }
        let variable = format!("SEALED_SECRETS_{}", flag.to_uppercase().replace('-', "_"));
        assert_eq!(
            format!("{:?}", settings_with(&[], &[(&variable, value)])),
            joined,
            "{variable}"
        );
        assert_eq!(
            format!("{:?}", settings_with(&[], &[(&variable, "")])),
            default,
            "{variable} is empty"
        );
    }
}

#[test]
fn truth_values_need_no_value_and_take_none_behind_a_blank() {
    assert!(settings(&["--skip-recreate"]).skip_recreate);
    assert!(settings(&["--skip-recreate=1"]).skip_recreate);
    assert!(!settings(&["--update-status=F"]).update_status);
    assert!(refusal(&["--skip-recreate", "false"], &[]).contains("false"));
    assert!(refusal(&["--skip-recreate=no"], &[]).contains("neither `true` nor `false`"));
}

#[test]
fn the_last_of_repeated_flags_counts_and_the_command_line_wins_over_the_environment() {
    assert_eq!(settings(&["--my-cn=a", "--my-cn=b"]).my_cn, "b");
    assert_eq!(settings_with(&["--my-cn=a"], &[("SEALED_SECRETS_MY_CN", "b")]).my_cn, "a");
    let renamed =
        settings_with(&["--rotate-period=1h"], &[("SEALED_SECRETS_KEY_RENEW_PERIOD", "2h")]);
    assert_eq!(renamed.key_renew_period, Duration::from_secs(3600));
}

#[test]
fn an_error_names_the_environment_variable_that_it_comes_from() {
    let text = refusal(&[], &[("SEALED_SECRETS_KEY_RENEW_PERIOD", "30d")]);
    assert!(text.contains("environment variable SEALED_SECRETS_KEY_RENEW_PERIOD"), "{text}");
    assert!(text.contains("720h"), "{text}");
}

#[test]
fn additional_namespaces_narrow_the_watch_to_them_and_the_own_one() {
    let pod = [("POD_NAMESPACE", "kube-system")];
    let watched = |arguments: &[&str]| settings_with(arguments, &pod).namespaces;
    assert!(watched(&[]).is_empty());
    assert_eq!(watched(&["--all-namespaces=false"]), ["kube-system"]);
    assert_eq!(
        watched(&["--additional-namespaces=b, a,b,,kube-system"]),
        ["kube-system", "b", "a"]
    );
    assert!(refusal(&["--additional-namespaces=a,B_"], &[]).contains("B_"));
}

#[test]
fn the_namespace_of_the_keys_is_the_pods_then_the_service_accounts() {
    let mut environment = environment(&[("POD_NAMESPACE", "")]);
    environment.service_account_namespace = Some("vault\n".to_owned());
    assert_eq!(key_namespace(&environment), "vault");
    environment.variables.insert("POD_NAMESPACE".to_owned(), "kube-system".to_owned());
    assert_eq!(key_namespace(&environment), "kube-system");
}

#[test]
fn flags_without_effect_are_named_for_the_log() {
    let settings = settings(&["--max-unseal-retries=10", "--watch-for-secrets=false"]);
    assert_eq!(settings.without_effect.len(), 2, "{:?}", settings.without_effect);
}

#[test]
fn refuses_what_could_not_work() {
    for (argument, says) in [
        ("--key-size=1024", "2048, 3072, 4096 and 8192"),
        ("--key-prefix=My_Key", "--key-prefix"),
        ("--key-prefix=", "--key-prefix"),
        ("--key-ttl=-1h", "negative"),
        ("--key-order-priority=Newest", "CertNotBefore"),
        ("--rate-limit=0", "rate-limit"),
        ("--http-body-limit=0", "more than 0"),
        ("--read-timeout=0", "more than 0"),
        ("--workers=0", "1 to 1000"),
        ("--log-level=TRACE", "INFO"),
        ("--kubeclient-qps=NaN", "no number"),
        ("--privatekey-labels=sealedsecrets.bitnami.com/sealed-secrets-key=off", "active"),
        ("--leader-elect-lease-duration=10s", "longer"),
        ("--leader-elect-retry-period=10s", "longer"),
        ("--unknown", "--unknown"),
        ("-key-size=2048", "-k"),
        ("positional", "positional"),
    ] {
        let text = refusal(&[argument], &[]);
        assert!(text.contains(says), "{argument}: {text}");
    }
}

#[test]
fn leader_election_can_be_switched_off() {
    let lease = settings(&[]).lease.expect("on by default");
    assert_eq!(lease.duration, Duration::from_secs(15));
    assert_eq!(lease.renew_deadline, Duration::from_secs(10));
    assert_eq!(lease.retry_period, Duration::from_secs(2));
    assert_eq!(settings(&["--leader-elect=false", "--leader-elect-lease-duration=1s"]).lease, None);
}

#[test]
fn the_version_and_the_subcommand_are_found() {
    assert!(matches!(read(&["--version"], &[]), Ok(Request::Version)));
    assert!(matches!(read(&["crd"], &[]), Ok(Request::Command(Command::Crd))));
    // A pod's environment must not stop it.
    assert!(matches!(
        read(&["crd"], &[("SEALED_SECRETS_KEY_SIZE", "2048")]),
        Ok(Request::Command(Command::Crd))
    ));
}
