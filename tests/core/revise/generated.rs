//! Generated documents: any text against any earlier one.

use proptest::prelude::*;
use seal_core::file::{Class, EncryptOptions};
use seal_core::format::Format;

use super::*;

#[path = "../round_trip/generate.rs"]
mod generate;

use generate::Choices;

fn check(options: &EncryptOptions, texts: &dyn Fn(&[u8]) -> String) {
    let mut config = ProptestConfig::with_cases(cases());
    config.failure_persistence = None;
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    let done = std::cell::Cell::new(0);
    let outcome = runner.run(&(bytes(), bytes()), |(one, other)| {
        let (before, after) = (texts(&one), texts(&other));
        let made =
            support::try_encrypt(Format::Yaml, before.as_bytes(), options, support::KEY, None);
        let Some(encrypted) = made.ok().and_then(|made| made.bytes) else { return Ok(()) };
        let encrypted = String::from_utf8(encrypted).unwrap();
        let (revised, _) =
            run(Format::Yaml, &encrypted, Some(&after), &super::options(), &support::unwrap);
        let revised = match revised {
            Ok(revised) => revised.bytes,
            Err(error) => {
                let text = support::describe(&error);
                let meant = ["once encrypted", "had back", "report", "lost"];
                prop_assert!(!meant.iter().any(|word| text.contains(word)), "{text}");
                prop_assert!(
                    error.class != Class::Refused && error.class != Class::NoKey,
                    "{text}"
                );
                return Ok(());
            }
        };
        let text = String::from_utf8(revised.unwrap_or_else(|| encrypted.clone().into())).unwrap();
        prop_assert_eq!(support::decrypted(Format::Yaml, &text), after);
        // No ENC text twice, and each that was there before shows what it showed.
        let all = super::texts(&text);
        prop_assert_eq!(BTreeSet::from_iter(&all).len(), all.len());
        done.set(done.get() + 1);
        Ok(())
    });
    outcome.unwrap();
    assert!(done.get() * 5 > cases(), "only {} of {}", done.get(), cases());
}

fn cases() -> u32 {
    std::env::var("SEAL_CASES").map_or(200, |text| text.parse().expect("SEAL_CASES is a number"))
}

#[test]
fn any_secret_becomes_any_other_one() {
    check(&support::options(), &|bytes| {
        generate::stream(&mut Choices::new(bytes, true), &mut |c, number| {
            generate::secret(c, number)
        })
    });
}

#[test]
fn any_file_becomes_any_other_one() {
    check(&support::whole(), &|bytes| {
        generate::stream(&mut Choices::new(bytes, true), &mut |c, _| generate::file(c))
    });
}

#[test]
fn any_list_becomes_any_other_one() {
    check(&support::options(), &|bytes| {
        generate::stream(&mut Choices::new(bytes, true), &mut |c, _| generate::list(c))
    });
}
