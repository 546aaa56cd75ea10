//! Names of AWS: the ARN of a key, the ARN of a role.
//!
//! They come from files, and the region becomes part of a host name, so nothing passes that is not in AWS's grammar.

/// The parts of a key's ARN that decide whom to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyArn {
    /// `aws`, `aws-cn`, …: its credentials are no good in another.
    pub(super) partition: String,
    pub(super) region: String,
}

/// Reads `arn:PARTITION:kms:REGION:ACCOUNT:key/ID` or `…:alias/NAME`; an error says what is wrong with it.
pub(super) fn key(text: &str) -> Result<KeyArn, String> {
    let [partition, region, resource] = parts(text, "kms")?;
    match partition_of(region) {
        None => return Err("its region is no region of AWS".to_owned()),
        Some(home) if home != partition => {
            return Err(format!("its region belongs to {home}, not to {partition}"));
        }
        Some(_) => {}
    }
    let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
    let is_name = |c: char| {
        c.is_ascii_alphanumeric() || c == '-' || kind == "alias" && matches!(c, '_' | '/')
    };
    if !matches!(kind, "key" | "alias") || name.is_empty() || !name.chars().all(is_name) {
        return Err("it does not end in key/ID or alias/NAME".to_owned());
    }
    Ok(KeyArn { partition: partition.to_owned(), region: region.to_owned() })
}

/// Checks `arn:PARTITION:iam::ACCOUNT:role/PATH`.
pub(super) fn role(text: &str) -> Result<(), String> {
    let [_, region, resource] = parts(text, "iam")?;
    let name = resource.strip_prefix("role/").unwrap_or_default();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "+=,.@_/-".contains(c);
    if !region.is_empty() || name.is_empty() || !name.chars().all(is_name) {
        return Err("it does not end in role/NAME".to_owned());
    }
    Ok(())
}

/// Partition, region and resource of an ARN of a service.
fn parts<'t>(text: &'t str, service: &str) -> Result<[&'t str; 3], String> {
    let form = || format!("it is not of the form arn:aws:{service}:…");
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().ok_or_else(form);
    let (arn, partition, of) = (next()?, next()?, next()?);
    let (region, account, resource) = (next()?, next()?, next()?);
    let is_partition = partition == "aws" || partition.starts_with("aws-") && is_label(partition);
    if arn != "arn" || !is_partition || of != service {
        return Err(form());
    }
    if account.is_empty() || account.len() > 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
        return Err("its account is no account number of AWS".to_owned());
    }
    Ok([partition, region, resource])
}

/// The partition that a region belongs to, `None` for what is no region: `us-east-1` and the like, with a country or
/// continent first and a number last. Other words would be parts of other host names: `s3-us-west-2` those of a bucket.
fn partition_of(region: &str) -> Option<String> {
    let mut words: Vec<&str> = region.split('-').collect();
    let number = words.pop()?;
    let is_number = matches!(number.len(), 1 | 2) && number.bytes().all(|b| b.is_ascii_digit());
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    let (first, second) = (words.first()?, words.get(1)?);
    let is_place = first.len() == 2 || *first == "eusc";
    if region.len() > 32 || !is_number || !is_place || !words.iter().all(is_word) {
        return None;
    }
    Some(match (*first, *second) {
        ("cn", _) => "aws-cn".to_owned(),
        ("eusc", _) => "aws-eusc".to_owned(),
        ("us", "gov") => "aws-us-gov".to_owned(),
        // us-iso-east-1, us-isob-east-1, eu-isoe-west-1
        (_, second) => match second.strip_prefix("iso") {
            Some("") => "aws-iso".to_owned(),
            Some(letter) if letter.len() == 1 => format!("aws-iso-{letter}"),
            _ => "aws".to_owned(),
        },
    })
}

/// Lower-case letters, digits and single hyphens between them, as in a host name.
fn is_label(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    text.len() <= 32 && text.split('-').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_aliases_of_every_partition() {
        for (arn, partition, region) in [
            ("arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab", "aws", "eu-west-1"),
            ("arn:aws:kms:us-east-1:1:alias/team/k_1", "aws", "us-east-1"),
            ("arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-12", "aws-cn", "cn-north-1"),
            ("arn:aws-us-gov:kms:us-gov-west-1:1:key/k", "aws-us-gov", "us-gov-west-1"),
            ("arn:aws-iso:kms:us-iso-east-1:1:key/k", "aws-iso", "us-iso-east-1"),
            ("arn:aws-iso-b:kms:us-isob-east-1:1:key/k", "aws-iso-b", "us-isob-east-1"),
            ("arn:aws-iso-e:kms:eu-isoe-west-1:1:key/k", "aws-iso-e", "eu-isoe-west-1"),
            ("arn:aws-iso-f:kms:us-isof-south-1:1:key/k", "aws-iso-f", "us-isof-south-1"),
            ("arn:aws-eusc:kms:eusc-de-east-1:1:key/k", "aws-eusc", "eusc-de-east-1"),
            ("arn:aws:kms:mx-central-1:1:key/k", "aws", "mx-central-1"),
        ] {
            let expected = KeyArn { partition: partition.to_owned(), region: region.to_owned() };
            assert_eq!(key(arn), Ok(expected), "{arn}");
        }
    }

    #[test]
    fn a_region_is_one_of_aws_s_in_its_own_partition() {
        for (partition, region) in [
            ("aws", "cn-north-1"),
            ("aws", "us-gov-west-1"),
            ("aws", "us-iso-east-1"),
            ("aws", "us-isob-east-1"),
            ("aws", "eu-isoe-west-1"),
            ("aws", "eusc-de-east-1"),
            ("aws-cn", "us-east-1"),
            ("aws-cn", "us-gov-west-1"),
            ("aws-us-gov", "us-east-1"),
            ("aws-iso", "us-isob-east-1"),
            ("aws-iso-b", "us-iso-east-1"),
            ("aws-new", "us-east-1"),
            ("aws", "s3-us-west-2"),
            ("aws", "s3-website-us-west-2"),
            ("aws", "us-s3-1"),
            ("aws", "sts-us-west-2"),
            ("aws", "evil-1"),
            ("aws", "us-1"),
            ("aws", "us-east-"),
            ("aws", "us-east-1a"),
            ("aws", "us-east-100"),
            ("aws", "us--east-1"),
            ("aws", "us-east"),
            ("aws", "ußeast-1"),
        ] {
            assert!(key(&format!("arn:{partition}:kms:{region}:1:key/k")).is_err(), "{region}");
        }
    }

    #[test]
    fn nothing_else_becomes_part_of_a_host_name() {
        for arn in [
            "",
            "k",
            "arn:aws:kms:eu-west-1:1",
            "arn:aws:s3:eu-west-1:1:key/k",
            "arn:evil:kms:eu-west-1:1:key/k",
            "arn:aws-:kms:eu-west-1:1:key/k",
            "arn:aws:kms::1:key/k",
            "arn:aws:kms:evil.com/:1:key/k",
            "arn:aws:kms:evil.com#-:1:key/k",
            "arn:aws:kms:eu-west-1@evil:1:key/k",
            "arn:aws:kms:eu west-1:1:key/k",
            "arn:aws:kms:EU-WEST-1:1:key/k",
            "arn:aws:kms:-eu-west-1:1:key/k",
            "arn:aws:kms:x.eu-west-1:1:key/k",
            "arn:aws:kms:a-1\n:1:key/k",
            "arn:aws:kms:eu-west-1::key/k",
            "arn:aws:kms:eu-west-1:1a:key/k",
            "arn:aws:kms:eu-west-1:1234567890123:key/k",
            "arn:aws:kms:eu-west-1:1:key/",
            "arn:aws:kms:eu-west-1:1:key/a/b",
            "arn:aws:kms:eu-west-1:1:key/k\r\nx: y",
            "arn:aws:kms:eu-west-1:1:grant/k",
            " arn:aws:kms:eu-west-1:1:key/k",
        ] {
            assert!(key(arn).is_err(), "{arn}");
        }
    }

    #[test]
    fn roles_have_paths() {
        assert_eq!(role("arn:aws:iam::123456789012:role/team/ci@x"), Ok(()));
        for arn in [
            "arn:aws:iam::1:user/u",
            "arn:aws:iam:eu-west-1:1:role/r",
            "arn:aws:iam::1:role/",
            "arn:aws:iam::1:role/r&x=y",
            "arn:aws:kms::1:role/r",
            "role/r",
        ] {
            assert!(role(arn).is_err(), "{arn}");
        }
    }
}
