//! One look at one SealedSecret: gather, open, plan, apply, status.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use seal_api::condition::{Reason, Report, SYNCED, says_synced};
use seal_api::sealed_secret::SealedSecret;
use seal_api::sealing::Fingerprint;
use seal_api::sealing::diagnosis::Place;
use seal_api::unseal::{self, UnsealError, Unsealed};
use seal_core::secret::SecretBytes;
use tokio::time::Instant;
use tracing::{error, info};

use crate::apply;
use crate::context::Context;
use crate::events::{Events, REPEAT_AFTER};
use crate::metrics::FailedUnseal;
use crate::plan::{self, Desired, Existing, Identity, Refusal, Wish};
use crate::queue::{Lane, Outcome};
use crate::status::{self, Written};
use crate::unseal_pool::UnsealPool;

use super::explain::{self, Candidates};
use super::objects::{Key, Known, Objects, Seen};

/// How often one look starts anew because the Secret changed meanwhile.
const MOST_CONFLICTS: usize = 5;
/// How many other names of the namespace are tried to explain why something does not open.
const MOST_NAMES: usize = 16;
/// So many failures that pass by themselves are nobody's concern.
const PASSING_FAILURES: u32 = 2;

/// What it takes to look at SealedSecrets.
pub(super) struct Reconciler {
    context: Context,
    objects: Arc<Objects>,
    pool: UnsealPool,
    events: Events,
    /// The uids of SealedSecrets whose Secrets have to go with them.
    gone: Mutex<HashMap<Key, String>>,
}

/// How a look ended.
struct Look {
    report: Report,
    /// The resourceVersion at which the Secret is as it should be.
    verified: Option<String>,
    /// Something was written to the Secret.
    wrote: bool,
    outcome: Outcome,
    counted: Option<FailedUnseal>,
    /// A failure that passes by itself.
    passing: bool,
}

impl Look {
    fn failed(report: Report, counted: FailedUnseal, outcome: Outcome) -> Self {
        Self {
            report,
            verified: None,
            wrote: false,
            outcome,
            counted: Some(counted),
            passing: false,
        }
    }

    fn refused(refusal: Refusal, counted: FailedUnseal) -> Self {
        Self {
            passing: refusal.passing,
            ..Self::failed(
                refusal.report,
                counted,
                Outcome::Retry { at_least: refusal.retry_after },
            )
        }
    }
}

/// What was opened, and what it is to become.
struct Opened {
    desired: Desired,
    used: Vec<Fingerprint>,
    /// It came from the deprecated form, whose names and labels are secret too.
    is_whole: bool,
}

impl Reconciler {
    pub(super) fn new(
        context: Context,
        objects: Arc<Objects>,
        pool: UnsealPool,
        events: Events,
    ) -> Self {
        Self { context, objects, pool, events, gone: Mutex::default() }
    }

    /// A SealedSecret is gone. Says whether there is something to do about it.
    pub(super) fn gone(&self, key: &Key, known: &Known) -> bool {
        self.context.metrics.forget(&key.namespace, &key.name);
        self.context.sealing_keys.forget(&key.to_string());
        let uid = known.object.metadata.uid.clone();
        match uid {
            Some(uid) if self.context.settings.old_gc_behavior => {
                self.lock_gone().insert(key.clone(), uid);
                true
            }
            _ => false,
        }
    }

    /// Looks at one object. `failures` is how often in a row that failed.
    pub(super) async fn reconcile(&self, key: &Key, lane: Lane, failures: u32) -> Outcome {
        if let Some(outcome) = self.collect_garbage(key).await {
            return outcome;
        }
        let Some(known) = self.objects.get(key) else { return Outcome::Done };
        if known.object.metadata.deletion_timestamp.is_some() || known.is_verified() {
            return Outcome::Done;
        }
        self.context.metrics.unseal_request();
        let identity = Identity {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            uid: known.object.metadata.uid.clone().unwrap_or_default(),
        };
        let look = self.look(&identity, key, &known, lane).await;
        if let Some(reason) = look.counted {
            self.context.metrics.unseal_error(reason, &key.namespace);
        }
        if look.passing && failures < PASSING_FAILURES {
            return look.outcome;
        }
        self.finish(&identity, key, &known, look).await
    }

    /// Gather, open, plan, apply; all over again when the Secret changed meanwhile.
    async fn look(&self, identity: &Identity, key: &Key, known: &Known, lane: Lane) -> Look {
        if let Some(malformed) = &known.malformed {
            let report = Report::failed(Reason::Malformed, malformed.to_string());
            return Look::failed(report, FailedUnseal::Unseal, Outcome::Done);
        }
        // Nobody has looked at a new object yet, so most likely it has no Secret. If it has one, creating it fails.
        let mut absent = match known.seen {
            Seen::Absent => true,
            Seen::Unknown => known.object.status.is_none(),
            Seen::At(_) => false,
        };
        let mut opened = None;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let existing = if absent {
                None
            } else {
                match apply::read(&self.context.client, identity).await {
                    Ok(existing) => existing,
                    Err(error) => {
                        let refusal = plan::refusal(&error, "read", identity, true);
                        return Look::refused(refusal, FailedUnseal::Fetch);
                    }
                }
            };
            absent = false;
            if let Some(existing) = &existing
                && let Err(report) = plan::may_write(identity, existing)
            {
                let counted = match report.reason {
                    Reason::NotManaged => FailedUnseal::Unmanaged,
                    _ => FailedUnseal::Update,
                };
                return Look::failed(report, counted, Outcome::RETRY);
            }
            let now_opened = match opened.take() {
                Some(opened) => opened,
                None => match self.open(identity, key, known, lane).await {
                    Ok(opened) => opened,
                    Err(report) => {
                        return Look::failed(report, FailedUnseal::Unseal, Outcome::Done);
                    }
                },
            };
            match self.write(identity, known, &now_opened, existing.as_ref()).await {
                Ok(look) => return look,
                Err(refusal) if refusal.conflict && attempt < MOST_CONFLICTS => {
                    opened = Some(now_opened)
                }
                Err(refusal) => {
                    if refusal.invalid && existing.is_none() {
                        // Opening the values all over again for each try would cost others their turn.
                        let version = *self.context.sealing_keys.changes().borrow();
                        let failed = Some((version, refusal.report.clone()));
                        self.objects.update(key, known, |known| known.failed = failed);
                    }
                    return Look::refused(refusal, FailedUnseal::Update);
                }
            }
        }
    }

    /// Opens the values and makes of them what is wanted. With the same keys, what failed once is not tried again.
    async fn open(
        &self,
        identity: &Identity,
        key: &Key,
        known: &Known,
        lane: Lane,
    ) -> Result<Opened, Report> {
        // Before the keys are taken: if they change in between, this is tried again.
        let version = *self.context.sealing_keys.changes().borrow();
        if let Some((tried, report)) = &known.failed
            && *tried == version
        {
            return Err(report.clone());
        }
        let result = self.open_with_present_keys(identity, known, lane).await;
        match &result {
            Ok(opened) => {
                self.context.sealing_keys.record_uses(&key.to_string(), &opened.used);
                let hint = opened.used.first().cloned();
                self.objects.update(key, known, |known| {
                    known.failed = None;
                    known.hint = hint;
                });
            }
            Err(report) => {
                let failed = Some((version, report.clone()));
                self.objects.update(key, known, |known| known.failed = failed);
            }
        }
        result
    }

    async fn open_with_present_keys(
        &self,
        identity: &Identity,
        known: &Known,
        lane: Lane,
    ) -> Result<Opened, Report> {
        let object = &known.object;
        let whole = unseal::sealed_whole(object).transpose().map_err(malformed)?;
        let is_whole = whole.is_some();
        let sealed = match whole {
            Some(_) if !self.context.settings.accept_deprecated_v1_data => {
                return Err(Report::failed(
                    Reason::Refused,
                    "spec.data is deprecated and not accepted here (--accept-deprecated-v1-data=false): seal the values \
                     into spec.encryptedData",
                ));
            }
            Some(value) => BTreeMap::from([(String::new(), value)]),
            None => unseal::sealed_values(object).map_err(malformed)?,
        };
        let keys = self.context.sealing_keys.snapshot();
        let ring = Arc::new(keys.ring());
        let label = object.label();
        let opened = self.pool.open(lane, ring, &label, sealed.clone(), known.hint.clone()).await;
        if !opened.failed.is_empty() {
            let others = self.objects.names_beside(&identity.namespace, &identity.name, MOST_NAMES);
            let others =
                others.into_iter().map(|name| Place::new(&identity.namespace, name)).collect();
            let candidates = Candidates { keys, others };
            return Err(explain::not_opened(
                &self.pool, lane, object, &sealed, &opened, candidates,
            )
            .await);
        }
        // Templates may take a while, and so may JSON of a megabyte.
        let (used, values) = (opened.used, opened.values);
        let object = object.clone();
        let assembling = move || assemble(&object, &values, is_whole);
        let Some(unsealed) = self.pool.run(lane, assembling).await else {
            return Err(Report::failed(Reason::UpdateFailed, "this replica is ending"));
        };
        let unsealed = unsealed?;
        let settings = &self.context.settings;
        let legacy_key = (settings.key_namespace.as_str(), settings.key_prefix.as_str());
        let desired = Desired::of(identity, unsealed, legacy_key)?;
        Ok(Opened { desired, used, is_whole })
    }

    /// Plans and writes.
    async fn write(
        &self,
        identity: &Identity,
        known: &Known,
        opened: &Opened,
        existing: Option<&Existing>,
    ) -> Result<Look, Refusal> {
        let object = &known.object;
        let wish = Wish {
            identity,
            desired: opened.desired.clone(),
            inputs: known.inputs.clone(),
            was_synced: says_synced(object.status.as_ref(), object.metadata.generation),
            heal_drift: self.context.settings.heal_drift,
        };
        let plan = plan::plan(wish, existing);
        let Some(write) = plan.write else {
            let synced = plan.report.is_synced();
            return Ok(Look {
                verified: existing
                    .filter(|_| synced)
                    .map(|existing| existing.resource_version.clone()),
                counted: (!synced).then_some(FailedUnseal::Update),
                outcome: if synced { Outcome::Done } else { Outcome::RETRY },
                report: plan.report,
                wrote: false,
                passing: false,
            });
        };
        let verb = if existing.is_none() { "create" } else { "update" };
        // After `existing` was read, see `Lead`.
        if !self.context.lead.holds() {
            return Err(no_longer_leading(identity));
        }
        match apply::write(&self.context.client, identity, &write).await {
            Ok(version) => {
                info!(namespace = identity.namespace, name = identity.name, verb, "wrote Secret");
                Ok(Look {
                    report: plan.report,
                    verified: version,
                    wrote: true,
                    outcome: Outcome::Done,
                    counted: None,
                    passing: false,
                })
            }
            Err(error) => Err(plan::refusal(&error, verb, identity, !opened.is_whole)),
        }
    }

    /// Status, event, and what is remembered.
    async fn finish(&self, identity: &Identity, key: &Key, known: &Known, look: Look) -> Outcome {
        if !self.context.lead.holds() {
            return Outcome::RETRY;
        }
        let object = &known.object;
        let synced = look.report.is_synced();
        self.count_condition(key, object, synced);
        let was_synced = says_synced(object.status.as_ref(), object.metadata.generation);
        let mut flipped = false;
        if self.context.settings.update_status {
            let now = Timestamp::now();
            match status::write(&self.context.client, identity, object, &look.report, now).await {
                Ok(Written::Unchanged) => {}
                Ok(Written::Written(status, version)) => {
                    flipped = synced && !was_synced;
                    self.objects.status_written(key, known, status, version);
                }
                // The object is another one by now. The watch brings it; if nothing of it matters, this does.
                Ok(Written::Outdated) => return Outcome::RETRY,
                Err(error) => {
                    self.context.metrics.unseal_error(FailedUnseal::Status, &key.namespace);
                    let refusal = plan::refusal(&error, "update the status of", identity, true);
                    error!(
                        namespace = key.namespace,
                        name = key.name,
                        "{}",
                        refusal.report.message
                    );
                    return Outcome::Retry { at_least: refusal.retry_after };
                }
            }
        }
        if !synced {
            error!(
                namespace = key.namespace,
                name = key.name,
                reason = look.report.reason.as_str(),
                "{}",
                look.report.message
            );
        }
        let news = if synced { look.wrote || flipped } else { is_news(known, &look.report) };
        if news {
            self.events.report(object, &look.report, Timestamp::now());
        }
        self.objects.update(key, known, |known| {
            if news {
                known.event = Some((look.report.clone(), Instant::now()));
            }
            if let Some(version) = look.verified {
                // What the watch said meanwhile is newer than what was looked at, and has to be looked at, too.
                if !known.seen.is_newer_than(&version) {
                    known.seen = Seen::At(version.clone());
                }
                known.verified = Some(version);
            }
        });
        if self.keys_changed_since(key) { Outcome::RETRY } else { look.outcome }
    }

    /// Whether the values were tried in vain with other keys than there are now.
    fn keys_changed_since(&self, key: &Key) -> bool {
        let version = *self.context.sealing_keys.changes().borrow();
        self.objects
            .get(key)
            .and_then(|known| known.failed)
            .is_some_and(|(tried, _)| tried != version)
    }

    fn count_condition(&self, key: &Key, object: &SealedSecret, synced: bool) {
        let instance = object
            .metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get("app.kubernetes.io/instance"))
            .map_or("", String::as_str);
        let value = if synced { 1 } else { -1 };
        self.context.metrics.condition(&key.namespace, &key.name, SYNCED, value, instance);
    }

    /// With `--old-gc-behavior` the Secret of a SealedSecret that is gone is deleted here, if it was made for that very one.
    async fn collect_garbage(&self, key: &Key) -> Option<Outcome> {
        let uid = self.lock_gone().get(key).cloned()?;
        let identity = Identity { namespace: key.namespace.clone(), name: key.name.clone(), uid };
        let deleted = match apply::read(&self.context.client, &identity).await {
            Ok(Some(_)) if !self.context.lead.holds() => return Some(Outcome::RETRY),
            Ok(Some(existing)) if existing.is_ours_alone(&identity) => {
                apply::delete(&self.context.client, &identity, &existing).await
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        match deleted {
            Ok(()) => {
                self.lock_gone().remove(key);
                None
            }
            Err(error) => {
                let refusal = plan::refusal(&error, "delete", &identity, true);
                error!(namespace = key.namespace, name = key.name, "{}", refusal.report.message);
                Some(Outcome::Retry { at_least: refusal.retry_after })
            }
        }
    }

    fn lock_gone(&self) -> std::sync::MutexGuard<'_, HashMap<Key, String>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Never said to anybody: `finish` looks once more.
fn no_longer_leading(identity: &Identity) -> Refusal {
    let Identity { namespace, name, .. } = identity;
    let why = format!("Secret {namespace}/{name} is left to the replica that leads now");
    Refusal {
        report: Report::failed(Reason::UpdateFailed, why),
        passing: true,
        conflict: false,
        invalid: false,
        retry_after: Duration::ZERO,
    }
}

/// Makes the Secret of what was opened.
fn assemble(
    object: &SealedSecret,
    values: &BTreeMap<String, SecretBytes>,
    is_whole: bool,
) -> Result<Unsealed, Report> {
    if is_whole {
        let whole = values.values().next().cloned().unwrap_or_default();
        return unseal::assemble_whole(object, &whole).map_err(malformed);
    }
    unseal::assemble(object, values)
        .map_err(|errors| Report::failed(Reason::TemplateFailed, unseal::describe(&errors)))
}

fn malformed(errors: Vec<UnsealError>) -> Report {
    Report::failed(Reason::Malformed, unseal::describe(&errors))
}

/// Whether nobody was told yet, or so long ago that the event is about to expire.
fn is_news(known: &Known, report: &Report) -> bool {
    known.event.as_ref().is_none_or(|(told, at)| told != report || at.elapsed() >= REPEAT_AFTER)
}
