//! SealedSecrets become Secrets.

mod explain;
mod objects;
mod reconcile;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::runtime::watcher::Event;
use seal_api::sealing::Fingerprint;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, error, info};

use crate::context::Context;
use crate::events::Events;
use crate::queue::{Lane, Outcome, Queue};
use crate::sealing_keys::Registry;
use crate::unseal_pool::UnsealPool;
use crate::watches;

use objects::{Change, Key, Objects, Seen};
use reconcile::Reconciler;

/// How long the last events may take when the process is to end.
const LAST_EVENTS: Duration = Duration::from_secs(2);

/// Looks after SealedSecrets whenever this replica leads, until `shutdown` says `true`. What is being written then is finished
/// first; when the lead is lost, nothing is.
pub(crate) async fn run(context: Context, mut shutdown: watch::Receiver<bool>) {
    let pool = match UnsealPool::start() {
        Ok(pool) => pool,
        Err(error) => {
            return error!("the system gives no threads to open sealed values with: {error}");
        }
    };
    let mut leading = context.leading.clone();
    loop {
        tokio::select! {
            () = says(&mut shutdown, true) => return,
            () = says(&mut leading, true) => {}
        }
        context.readiness.set_filled(false);
        let term = Term::new(&context, pool.clone());
        tokio::select! {
            () = says(&mut leading, false) => info!("this replica does not lead any more: nothing further is written"),
            () = term.run(shutdown.clone()) => return,
        }
    }
}

/// Waits until the value is there; for ever if nobody can say it any more.
async fn says(receiver: &mut watch::Receiver<bool>, value: bool) {
    if receiver.wait_for(|says| *says == value).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The time for which this replica leads. All that is known of objects is known for one term.
struct Term {
    context: Context,
    queue: Arc<Queue<Key>>,
    objects: Arc<Objects>,
    reconciler: Arc<Reconciler>,
    send_events: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Term {
    fn new(context: &Context, pool: UnsealPool) -> Self {
        let instance = std::env::var("POD_NAME")
            .or_else(|_| std::env::var("HOSTNAME"))
            .unwrap_or_else(|_| "seal-controller".to_owned());
        let (events, send_events) = Events::start(context.client.clone(), instance);
        let objects = Arc::new(Objects::default());
        Self {
            context: context.clone(),
            queue: Arc::default(),
            reconciler: Arc::new(Reconciler::new(context.clone(), objects.clone(), pool, events)),
            objects,
            send_events: Box::pin(send_events),
        }
    }

    /// Runs until `shutdown` says `true`; dropping it ends everything at once.
    async fn run(self, shutdown: watch::Receiver<bool>) {
        let Self { context, queue, objects, reconciler, send_events } = self;
        let mut background = JoinSet::new();
        let mut telling = JoinSet::new();
        telling.spawn(send_events);
        let mut stop = shutdown.clone();
        let mut keys = context.sealing_keys.changes();
        tokio::select! {
            () = says(&mut stop, true) => return,
            listed = keys.wait_for(|version| *version > 0) => if listed.is_err() { return },
        }
        // Secrets are listed behind SealedSecrets, so that their list says which of those have none.
        let namespaces: Vec<Option<String>> = if context.settings.namespaces.is_empty() {
            vec![None]
        } else {
            context.settings.namespaces.iter().cloned().map(Some).collect()
        };
        let (listed, mut to_list) = watch::channel(0_usize);
        let listed = Arc::new(listed);
        for namespace in namespaces.clone() {
            let watch = WatchSealedSecrets {
                queue: queue.clone(),
                objects: objects.clone(),
                reconciler: reconciler.clone(),
                namespace: namespace.clone(),
                seen: HashSet::new(),
                listed: Some(listed.clone()),
            };
            let (client, selector) =
                (context.client.clone(), context.settings.label_selector.clone());
            background.spawn(async move {
                let mut watch = watch;
                let handle = |event| watch.handle(event);
                watches::sealed_secrets(client, namespace.as_deref(), selector.as_deref(), handle)
                    .await;
            });
        }
        let all = namespaces.len();
        tokio::select! {
            () = says(&mut stop, true) => return,
            listed = to_list.wait_for(|listed| *listed == all) => if listed.is_err() { return },
        }
        let (secrets_listed, mut secrets_to_list) = watch::channel(0_usize);
        let secrets_listed = Arc::new(secrets_listed);
        if !context.settings.skip_recreate {
            for namespace in namespaces {
                let mut watch = WatchSecrets {
                    queue: queue.clone(),
                    objects: objects.clone(),
                    namespace: namespace.clone(),
                    heal_drift: context.settings.heal_drift,
                    seen: HashSet::new(),
                    listed: Some(secrets_listed.clone()),
                };
                let client = context.client.clone();
                background.spawn(async move {
                    watches::secrets(client, namespace.as_deref(), |event| watch.handle(event))
                        .await;
                });
            }
            // Worth waiting for: what is known to be absent need not be asked for.
            tokio::select! {
                () = says(&mut stop, true) => return,
                listed = secrets_to_list.wait_for(|listed| *listed == all) => if listed.is_err() { return },
            }
        }
        context.readiness.set_filled(true);
        info!("all objects are known: {} SealedSecrets to look at", queue.waiting(Lane::Backlog));
        background.spawn(watch_keys(context.sealing_keys.clone(), queue.clone(), objects.clone()));
        let mut workers = JoinSet::new();
        for _ in 0..context.settings.workers {
            workers.spawn(work(
                context.clone(),
                queue.clone(),
                reconciler.clone(),
                shutdown.clone(),
            ));
        }
        while workers.join_next().await.is_some() {}
        debug!("all workers have stopped");
        // What was done is told, if the API server takes it soon.
        drop(reconciler);
        background.abort_all();
        let _ = timeout(LAST_EVENTS, telling.join_next()).await;
    }
}

async fn work(
    context: Context,
    queue: Arc<Queue<Key>>,
    reconciler: Arc<Reconciler>,
    mut shutdown: watch::Receiver<bool>,
) {
    loop {
        let (key, lane) = tokio::select! {
            biased;
            () = says(&mut shutdown, true) => return,
            next = queue.next() => next,
        };
        show_queue(&context, &queue);
        let begun = Instant::now();
        let outcome = reconciler.reconcile(&key, lane, queue.failures(&key)).await;
        let result = match outcome {
            Outcome::Done => "done",
            Outcome::Retry { .. } => "retry",
        };
        context.metrics.reconciled("SealedSecret", result, begun.elapsed());
        queue.finish(key, outcome);
        show_queue(&context, &queue);
    }
}

fn show_queue(context: &Context, queue: &Queue<Key>) {
    context.metrics.queue_objects("fresh", queue.waiting(Lane::Fresh));
    context.metrics.queue_objects("backlog", queue.waiting(Lane::Backlog));
}

/// A key that comes concerns those that did not open, one that goes those that it opened: they must not look well until the
/// next restart.
async fn watch_keys(registry: Registry, queue: Arc<Queue<Key>>, objects: Arc<Objects>) {
    let mut changes = registry.changes();
    while changes.changed().await.is_ok() {
        let version = *changes.borrow_and_update();
        let keys = registry.snapshot();
        let is_active =
            |key: &Fingerprint| keys.active.iter().any(|active| active.key.fingerprint() == key);
        for key in objects
            .failed_with_other_keys(version)
            .into_iter()
            .chain(objects.left_behind(is_active))
        {
            queue.add(key, Lane::Backlog);
        }
    }
}

struct WatchSealedSecrets {
    queue: Arc<Queue<Key>>,
    objects: Arc<Objects>,
    reconciler: Arc<Reconciler>,
    namespace: Option<String>,
    seen: HashSet<Key>,
    /// Counts this watch once its first list is complete.
    listed: Option<Arc<watch::Sender<usize>>>,
}

impl WatchSealedSecrets {
    fn handle(&mut self, event: Event<watches::Watched>) {
        match event {
            Event::Init => self.seen.clear(),
            Event::InitApply(watched) => {
                let first = self.listed.is_some();
                if let Some(key) =
                    self.put(watched, if first { Lane::Backlog } else { Lane::Fresh })
                {
                    self.seen.insert(key);
                }
            }
            Event::InitDone => {
                let seen = std::mem::take(&mut self.seen);
                for key in self.objects.missing(self.namespace.as_deref(), &seen) {
                    self.remove(&key);
                }
                if let Some(listed) = self.listed.take() {
                    listed.send_modify(|listed| *listed += 1);
                }
            }
            Event::Apply(watched) => {
                self.put(watched, Lane::Fresh);
            }
            Event::Delete(watched) => {
                if let Some(key) = key_of(&watched.object.metadata) {
                    self.remove(&key);
                }
            }
        }
    }

    fn put(&self, watched: watches::Watched, lane: Lane) -> Option<Key> {
        let key = key_of(&watched.object.metadata)?;
        let change = self.objects.put(key.clone(), watched.object, watched.malformed);
        match (change, lane) {
            (Change::None, _) => {}
            (Change::Inputs, Lane::Fresh) => self.queue.add_changed(key.clone()),
            (Change::Inputs, Lane::Backlog) => self.queue.add(key.clone(), lane),
        }
        Some(key)
    }

    fn remove(&self, key: &Key) {
        if let Some(known) = self.objects.remove(key)
            && self.reconciler.gone(key, &known)
        {
            self.queue.add_changed(key.clone());
        }
    }
}

struct WatchSecrets {
    queue: Arc<Queue<Key>>,
    objects: Arc<Objects>,
    namespace: Option<String>,
    heal_drift: bool,
    seen: HashSet<Key>,
    listed: Option<Arc<watch::Sender<usize>>>,
}

impl WatchSecrets {
    fn handle(
        &mut self,
        event: Event<kube::core::PartialObjectMeta<k8s_openapi::api::core::v1::Secret>>,
    ) {
        match event {
            Event::Init => self.seen.clear(),
            Event::InitApply(secret) => {
                if let Some(key) = self.see(&secret.metadata, true) {
                    self.seen.insert(key);
                }
            }
            Event::InitDone => {
                let seen = std::mem::take(&mut self.seen);
                for key in self.objects.secrets_missing(self.namespace.as_deref(), &seen) {
                    self.queue.add(key, Lane::Fresh);
                }
                if let Some(listed) = self.listed.take() {
                    listed.send_modify(|listed| *listed += 1);
                }
            }
            Event::Apply(secret) => {
                self.see(&secret.metadata, true);
            }
            Event::Delete(secret) => {
                self.see(&secret.metadata, false);
            }
        }
    }

    /// Its key, if a SealedSecret of that name is known.
    fn see(
        &self,
        metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
        exists: bool,
    ) -> Option<Key> {
        let key = key_of(metadata)?;
        let seen = match &metadata.resource_version {
            Some(version) if exists => Seen::At(version.clone()),
            _ => Seen::Absent,
        };
        let look = self.objects.secret_seen(&key, seen, self.heal_drift);
        // The first list finds everything in the queue already.
        if look && self.listed.is_none() {
            self.queue.add(key.clone(), Lane::Fresh);
        }
        self.objects.is_known(&key).then_some(key)
    }
}

fn key_of(metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> Option<Key> {
    Some(Key { namespace: metadata.namespace.clone()?, name: metadata.name.clone()? })
}
