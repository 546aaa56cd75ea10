use super::*;

const TIMINGS: Timings = Timings {
    duration: Duration::from_secs(15),
    renew_deadline: Duration::from_secs(10),
    retry: Duration::from_secs(2),
};

/// The Lease as the API server keeps it: writes need the current version.
#[derive(Default)]
struct Server {
    lease: Option<Lease>,
    version: u64,
}

impl Server {
    fn write(&mut self, lease: Lease, must_be_new: bool) -> Result<Lease, ()> {
        let current = self.lease.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
        if must_be_new != self.lease.is_none()
            || (!must_be_new && lease.metadata.resource_version != current)
        {
            return Err(());
        }
        self.version += 1;
        let mut lease = lease;
        lease.metadata.resource_version = Some(self.version.to_string());
        self.lease = Some(lease.clone());
        Ok(lease)
    }
}

/// One elector and its time: requests take no time unless a test says so.
fn go(elector: &mut Elector, server: &mut Server, now: Instant) {
    for _ in 0..5 {
        match elector.step(now, wall(now)) {
            Step::Wait(_) => return,
            Step::Read => elector.read(server.lease.clone(), now),
            Step::Create(lease) => match server.write(*lease, true) {
                Ok(lease) => elector.wrote(lease, now, now),
                Err(()) => elector.lost_race(now),
            },
            Step::Replace(lease) => match server.write(*lease, false) {
                Ok(lease) => elector.wrote(lease, now, now),
                Err(()) => elector.lost_race(now),
            },
        }
    }
    panic!("{} asks without end", elector.identity);
}

/// A clock that goes, wherever it stands.
fn wall(now: Instant) -> Timestamp {
    static BEGIN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let millis = now.saturating_duration_since(*BEGIN).as_millis();
    Timestamp::from_millisecond(i64::try_from(millis).unwrap()).unwrap()
}

fn elector(identity: &str) -> Elector {
    Elector::new("seal-controller", identity, TIMINGS)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_first_to_come_creates_the_lease_and_leads() {
    let (mut a, mut server, start) = (elector("a"), Server::default(), Instant::now());
    go(&mut a, &mut server, start);
    assert!(a.leads(start));
    let spec = server.lease.unwrap().spec.unwrap();
    assert_eq!(spec.holder_identity.as_deref(), Some("a"));
    assert_eq!((spec.lease_duration_seconds, spec.lease_transitions), (Some(15), Some(0)));
}

#[test]
fn a_second_one_waits_while_the_lease_is_renewed() {
    let (mut a, mut b, mut server, start) =
        (elector("a"), elector("b"), Server::default(), Instant::now());
    for second in 0..100 {
        let now = start + seconds(second);
        go(&mut a, &mut server, now);
        go(&mut b, &mut server, now);
        assert!(a.leads(now) && !b.leads(now), "second {second}");
    }
    assert_eq!(server.lease.unwrap().spec.unwrap().lease_transitions, Some(0));
}

#[test]
fn a_dead_leader_is_followed_within_twenty_seconds() {
    let (mut a, mut b, mut server, start) =
        (elector("a"), elector("b"), Server::default(), Instant::now());
    for tenth in 0..100 {
        go(&mut a, &mut server, start + Duration::from_millis(tenth * 100));
        go(&mut b, &mut server, start + Duration::from_millis(tenth * 100 + 50));
    }
    let died = start + seconds(10);
    let led = (0..400).map(|tenth| died + Duration::from_millis(tenth * 100)).find(|now| {
        go(&mut b, &mut server, *now);
        b.leads(*now)
    });
    let taken = led.unwrap() - died;
    assert!(taken <= seconds(18) && taken >= seconds(12), "{taken:?}");
    assert!(!a.leads(led.unwrap()));
    assert_eq!(server.lease.unwrap().spec.unwrap().lease_transitions, Some(1));
}

#[test]
fn a_lease_given_back_is_taken_at_the_next_look() {
    let (mut a, mut b, mut server, start) =
        (elector("a"), elector("b"), Server::default(), Instant::now());
    go(&mut a, &mut server, start);
    go(&mut b, &mut server, start);
    server.write(a.released(Timestamp::UNIX_EPOCH).unwrap(), false).unwrap();
    assert!(b.released(Timestamp::UNIX_EPOCH).is_none());
    go(&mut b, &mut server, start + seconds(2));
    assert!(b.leads(start + seconds(2)));
}

#[test]
fn a_leader_that_cannot_renew_stops_before_another_may_start() {
    let (mut a, mut server, start) = (elector("a"), Server::default(), Instant::now());
    go(&mut a, &mut server, start);
    assert_eq!(a.leads_until(), Some(start + seconds(10)));
    for second in 1..=12 {
        a.failed(start + seconds(second));
    }
    assert!(a.leads(start + Duration::from_millis(9_999)));
    assert!(!a.leads(start + seconds(10)));
}

#[test]
fn the_time_that_a_renewal_took_does_not_lengthen_the_lead() {
    let (mut a, mut server, start) = (elector("a"), Server::default(), Instant::now());
    go(&mut a, &mut server, start);
    let Step::Replace(lease) = a.step(start + seconds(2), wall(start + seconds(2))) else {
        panic!("no renewal")
    };
    let lease = server.write(*lease, false).unwrap();
    // The answer comes four seconds later; others may have seen the lease as soon as it was asked for.
    a.wrote(lease, start + seconds(2), start + seconds(6));
    assert_eq!(a.leads_until(), Some(start + seconds(12)));
}

#[test]
fn failed_requests_do_not_keep_a_follower_from_taking_over() {
    let (mut a, mut b, mut server, start) =
        (elector("a"), elector("b"), Server::default(), Instant::now());
    go(&mut a, &mut server, start);
    go(&mut b, &mut server, start);
    for second in (2..15).step_by(2) {
        b.failed(start + seconds(second));
    }
    go(&mut b, &mut server, start + seconds(17));
    assert!(b.leads(start + seconds(17)));
}

#[test]
fn the_clock_in_the_lease_is_not_believed() {
    let (mut b, mut server, start) = (elector("b"), Server::default(), Instant::now());
    let mut a = elector("a");
    // Its clock stands in 1970, and it renews all the same.
    go(&mut a, &mut server, start);
    let mut spec = server.lease.clone().unwrap().spec.unwrap();
    spec.renew_time = Some(MicroTime(Timestamp::MIN));
    server.lease.as_mut().unwrap().spec = Some(spec);
    go(&mut b, &mut server, start);
    go(&mut b, &mut server, start + seconds(14));
    assert!(!b.leads(start + seconds(14)));
    go(&mut b, &mut server, start + seconds(15));
    assert!(b.leads(start + seconds(15)));
}

#[test]
fn a_label_on_the_lease_does_not_make_it_younger() {
    let (mut a, mut b, mut server, start) =
        (elector("a"), elector("b"), Server::default(), Instant::now());
    go(&mut a, &mut server, start);
    for second in (0..15).step_by(2) {
        let mut lease = server.lease.clone().unwrap();
        lease.metadata.labels = Some([("touched".to_owned(), second.to_string())].into());
        server.write(lease, false).unwrap();
        go(&mut b, &mut server, start + seconds(second));
    }
    // Replacing fails once, because the version that was seen is not the last.
    for second in [15, 17, 19] {
        go(&mut b, &mut server, start + seconds(second));
    }
    assert!(b.leads(start + seconds(19)));
    let labels = server.lease.unwrap().metadata.labels.unwrap();
    assert!(labels.contains_key("touched"), "what others wrote stays");
}

#[test]
fn a_mistyped_duration_does_not_stop_the_cluster_for_days() {
    let (mut b, mut server, start) = (elector("b"), Server::default(), Instant::now());
    for (written, taken) in [(i32::MAX, 600), (-5, 1), (0, 1), (30, 30)] {
        let spec = LeaseSpec {
            holder_identity: Some("gone".to_owned()),
            lease_duration_seconds: Some(written),
            ..LeaseSpec::default()
        };
        assert_eq!(duration(&Lease { spec: Some(spec), ..Lease::default() }), seconds(taken));
    }
    server.lease = Some(Lease::default());
    go(&mut b, &mut server, start);
    assert!(b.leads(start), "a lease that nobody holds is free");
}

#[test]
fn a_lease_that_is_removed_is_made_anew_by_its_leader() {
    let (mut a, mut server, start) = (elector("a"), Server::default(), Instant::now());
    go(&mut a, &mut server, start);
    server.lease = None;
    go(&mut a, &mut server, start + seconds(2));
    assert!(a.leads(start + seconds(2)) && server.lease.is_some());
}

#[test]
fn a_leader_whose_lease_was_taken_stops_as_soon_as_it_sees_it() {
    let (mut a, mut b, mut server, start) =
        (elector("a"), elector("b"), Server::default(), Instant::now());
    go(&mut a, &mut server, start);
    let mut lease = server.lease.clone().unwrap();
    lease.spec.as_mut().unwrap().holder_identity = None;
    server.write(lease, false).unwrap();
    go(&mut b, &mut server, start + seconds(1));
    go(&mut a, &mut server, start + seconds(2));
    assert!(b.leads(start + seconds(2)) && !a.leads(start + seconds(2)));
}

/// Many runs in which processes stop, requests fail, answers get lost and take time: two never lead at the same moment.
#[test]
fn two_never_lead_at_the_same_time() {
    let mut state = 0x5ea1_u64;
    let mut random = |below: u64| {
        // A linear congruential generator: the same runs every time.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut changes = 0;
    for _ in 0..40 {
        let start = Instant::now();
        let mut server = Server::default();
        let mut electors = [elector("a"), elector("b"), elector("c")];
        let mut busy = [0_u64; 3];
        let mut leader = None;
        for millis in (0..200_000_u64).step_by(100) {
            let now = start + Duration::from_millis(millis);
            for (index, one) in electors.iter_mut().enumerate() {
                // As the driver does: who could not renew in time stops, before anything else.
                if one.leads_until().is_some_and(|until| now >= until) {
                    one.step_down();
                }
                if millis < busy[index] {
                    continue;
                }
                if random(400) == 0 {
                    busy[index] = millis + random(40_000);
                    continue;
                }
                let begun = now;
                match one.step(now, wall(now)) {
                    Step::Wait(_) => {}
                    _ if random(10) == 0 => one.failed(now),
                    Step::Read => one.read(server.lease.clone(), now),
                    step @ (Step::Create(_) | Step::Replace(_)) => {
                        let (lease, new) = match step {
                            Step::Create(lease) => (lease, true),
                            Step::Replace(lease) => (lease, false),
                            _ => unreachable!(),
                        };
                        match server.write(*lease, new) {
                            Ok(_) if random(10) == 0 => one.failed(now),
                            Ok(lease) => one.wrote(lease, begun, now),
                            Err(()) => one.lost_race(now),
                        }
                    }
                }
            }
            let leaders: Vec<&str> =
                electors.iter().filter(|one| one.leads(now)).map(|one| &*one.identity).collect();
            assert!(leaders.len() <= 1, "{leaders:?} after {millis} ms");
            let current = leaders.first().map(|name| (*name).to_owned());
            if current.is_some() && current != leader {
                changes += 1;
                leader = current;
            }
        }
    }
    assert!(changes > 100, "the runs are to be eventful, and had {changes} leaders");
}
