use super::super::tests::{recorded_key, seal, small_key};
use super::*;
use crate::sealing::KeySize;

/// What is asked in these tests, with defaults that do not matter.
struct Case {
    sealed: Label,
    by: Arc<SealingKey>,
    scope: Scope,
    template: Option<Place>,
    others: Vec<Place>,
    active: Vec<Arc<SealingKey>>,
    retired: Vec<RetiredKey>,
    budget: usize,
}

impl Case {
    fn sealed(scope: Scope, namespace: &str, name: &str) -> Self {
        Self {
            sealed: scope.label(namespace, name),
            by: small_key(),
            scope: Scope::Strict,
            template: None,
            others: Vec::new(),
            active: vec![small_key()],
            retired: Vec::new(),
            budget: DEFAULT_BUDGET,
        }
    }

    fn value(&self) -> SealedValue {
        seal(b"hunter2", &self.sealed, &self.by)
    }

    fn ask_about(&self, value: &SealedValue) -> Diagnosis {
        diagnose(&Question {
            value,
            scope: self.scope,
            place: &Place::new("shop", "db"),
            template: self.template.as_ref(),
            others: &self.others,
            active: &self.active,
            retired: &self.retired,
            budget: self.budget,
        })
    }

    fn ask(&self) -> Diagnosis {
        self.ask_about(&self.value())
    }
}

fn another_key() -> Arc<SealingKey> {
    static KEY: std::sync::LazyLock<Arc<SealingKey>> =
        std::sync::LazyLock::new(|| Arc::new(SealingKey::generate(KeySize::Rsa2048).unwrap()));
    KEY.clone()
}

fn fingerprint() -> Fingerprint {
    small_key().fingerprint().clone()
}

#[test]
fn tells_the_scope_that_a_value_was_sealed_for() {
    for (sealed, says) in [
        (Scope::NamespaceWide, Scope::Strict),
        (Scope::ClusterWide, Scope::Strict),
        (Scope::Strict, Scope::NamespaceWide),
        (Scope::ClusterWide, Scope::NamespaceWide),
        (Scope::Strict, Scope::ClusterWide),
        (Scope::NamespaceWide, Scope::ClusterWide),
    ] {
        let case = Case { scope: says, ..Case::sealed(sealed, "shop", "db") };
        let diagnosis = case.ask();
        assert_eq!(diagnosis, Diagnosis::WrongScope { says, sealed, by: fingerprint() });
        assert_eq!((diagnosis.reason(), diagnosis.fits()), ("WrongScope", Some(&fingerprint())));
        let text = diagnosis.to_string();
        let annotation = sealed.annotation().or(says.annotation()).unwrap();
        assert!(text.contains(annotation) && text.contains(fingerprint().as_str()), "{text}");
    }
}

#[test]
fn tells_the_name_that_kubeseal_wrote_into_the_template() {
    let mut case = Case::sealed(Scope::Strict, "shop", "database");
    case.template = Some(Place::new("shop", "database"));
    let (is, sealed) = ("db".to_owned(), "database".to_owned());
    assert_eq!(case.ask(), Diagnosis::WrongName { is, sealed, by: fingerprint() });
    assert_eq!(
        case.ask().to_string(),
        format!(
            "it was sealed for the name \"database\", but the object is called \"db\" (key {} fits): rename it back, or seal it again",
            fingerprint()
        )
    );
}

#[test]
fn tells_the_namespace_whatever_the_scope() {
    for scope in [Scope::Strict, Scope::NamespaceWide] {
        let mut case = Case::sealed(scope, "staging", "db");
        case.template = Some(Place::new("staging", "db"));
        let (is, sealed) = ("shop".to_owned(), Place::new("staging", "db"));
        assert_eq!(case.ask(), Diagnosis::WrongNamespace { is, sealed, scope, by: fingerprint() });
        assert_eq!(case.ask().reason(), "WrongNamespace");
        assert!(case.ask().to_string().contains("\"shop\""), "{}", case.ask());
    }
}

#[test]
fn another_name_in_the_namespace_is_found_among_the_suggested_ones() {
    let mut case = Case::sealed(Scope::Strict, "shop", "cache");
    case.others = vec![Place::new("shop", "web"), Place::new("shop", "cache")];
    let (is, sealed) = ("db".to_owned(), "cache".to_owned());
    assert_eq!(case.ask(), Diagnosis::WrongName { is, sealed, by: fingerprint() });
}

#[test]
fn a_place_that_nobody_suggested_is_not_found_out() {
    let case = Case::sealed(Scope::Strict, "other-tenant", "db");
    let diagnosis = case.ask();
    assert_eq!(diagnosis, Diagnosis::WrongKey { here: vec![fingerprint()], gave_up: false });
    assert!(!diagnosis.to_string().contains("other-tenant"));
    assert!(diagnosis.to_string().contains(fingerprint().as_str()), "{diagnosis}");
    assert_eq!((diagnosis.reason(), diagnosis.fits()), ("WrongKey", None));
}

#[test]
fn a_key_of_another_cluster_is_told_from_a_wrong_label() {
    let case = Case { by: another_key(), ..Case::sealed(Scope::Strict, "shop", "db") };
    assert_eq!(case.ask(), Diagnosis::WrongKey { here: vec![fingerprint()], gave_up: false });
}

#[test]
fn a_retired_key_is_named_with_its_state() {
    let mut case = Case { by: another_key(), ..Case::sealed(Scope::Strict, "shop", "db") };
    case.retired = vec![RetiredKey { key: another_key(), state: "compromised".to_owned() }];
    let by = another_key().fingerprint().clone();
    let expected = Diagnosis::RetiredKey { by, state: "compromised".to_owned(), elsewhere: false };
    assert_eq!(case.ask(), expected);
    assert!(case.ask().to_string().contains("\"compromised\""), "{}", case.ask());
    case.scope = Scope::ClusterWide;
    assert!(
        matches!(case.ask(), Diagnosis::RetiredKey { elsewhere: true, .. }),
        "{:?}",
        case.ask()
    );
}

#[test]
fn a_key_of_another_size_is_told_without_trying() {
    let recorded = Arc::new(recorded_key());
    let mut case = Case { by: recorded, ..Case::sealed(Scope::Strict, "shop", "db") };
    case.budget = 0;
    assert_eq!(case.ask(), Diagnosis::WrongKeySize { sealed: 4096, here: vec![2048] });
    assert_eq!(case.ask().reason(), "WrongKey");
    assert!(case.ask().to_string().contains("RSA-4096"), "{}", case.ask());
}

#[test]
fn a_value_that_was_changed_is_not_taken_for_a_wrong_key() {
    use base64::Engine as _;
    let case = Case::sealed(Scope::Strict, "shop", "db");
    let text = case.value().to_base64();
    let mut bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let changed = SealedValue::from_bytes(&bytes).unwrap();
    assert_eq!(case.ask_about(&changed), Diagnosis::Changed { by: fingerprint() });
    assert_eq!(case.ask_about(&changed).reason(), "ValueChanged");
}

#[test]
fn a_value_that_opens_after_all_is_said_to() {
    assert_eq!(
        Case::sealed(Scope::Strict, "shop", "db").ask(),
        Diagnosis::Opens { by: fingerprint() }
    );
}

#[test]
fn without_keys_nothing_is_guessed() {
    let case = Case { active: Vec::new(), ..Case::sealed(Scope::Strict, "shop", "db") };
    assert_eq!(case.ask(), Diagnosis::NoKeys);
}

#[test]
fn it_gives_up_when_the_budget_is_spent() {
    let mut case = Case::sealed(Scope::ClusterWide, "shop", "db");
    // Strict is tried first, then namespace-wide; cluster-wide would be the third.
    case.budget = 2;
    assert_eq!(case.ask(), Diagnosis::WrongKey { here: vec![fingerprint()], gave_up: true });
    case.budget = 3;
    assert_eq!(case.ask().reason(), "WrongScope");
}

#[test]
fn what_the_object_says_is_tried_before_what_is_suggested() {
    let mut case = Case::sealed(Scope::Strict, "shop", "database");
    case.others = (0..500).map(|number| Place::new("shop", format!("other{number}"))).collect();
    case.template = Some(Place::new("shop", "database"));
    case.budget = 5;
    assert_eq!(case.ask().reason(), "WrongName");
}

#[test]
fn an_object_without_a_namespace_is_not_taken_for_another_scope() {
    let mut case = Case::sealed(Scope::ClusterWide, "", "");
    case.template = Some(Place::new("", ""));
    case.others = vec![Place::new("", "db")];
    assert_eq!(case.ask().reason(), "WrongScope");
}

#[test]
fn a_cluster_full_of_keys_fits_in_a_message() {
    let here = vec![fingerprint(); 40];
    let text = Diagnosis::WrongKey { here, gave_up: true }.to_string();
    assert!(text.contains("and 35 older") && text.len() < 800, "{text}");
}
