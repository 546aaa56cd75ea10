//! What reading YAML costs: a generated release as one stream, and document by document.
//!
//! `cargo bench -p seal-core --bench yaml`; with `whole` or `pieces` behind `--` only that one, for a profiler.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a bench")]

use nix::sys::resource::{Usage, UsageWho, getrusage};
use seal_core::document::Node;
use seal_core::format::yaml;

#[path = "../generate/release.rs"]
#[allow(dead_code, reason = "single Secrets are for the other bench")]
mod release;

const DOCUMENTS: usize = 10_000;
const RUNS: usize = 9;

fn main() {
    let source = release::release(DOCUMENTS).into_bytes();
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let megabytes = source.len() as f64 / 1e6;
    println!("a node takes {} bytes", size_of::<Node<'_>>());
    // In this order, because the peak of memory never falls again.
    for (name, parse) in [("pieces", pieces as fn(&[u8]) -> usize), ("whole", whole)] {
        if wanted.as_ref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        let mut seconds: Vec<f64> = (0..RUNS)
            .map(|_| {
                let before = cpu();
                let nodes = parse(&source);
                assert!(nodes > DOCUMENTS, "nothing was read");
                cpu() - before
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        let median = seconds[RUNS / 2];
        println!(
            "{name}: {median:.3} CPU seconds for {megabytes:.1} MB, {:.0} MB/s, peak {:.0} MB",
            megabytes / median,
            usage().max_rss() as f64 * 1024.0 / 1e6
        );
    }
}

fn whole(source: &[u8]) -> usize {
    yaml::parse(source).unwrap().documents.iter().map(|document| document.nodes.len()).sum()
}

fn pieces(source: &[u8]) -> usize {
    let mut nodes = 0;
    let mut start = 0;
    let ends = memchr::memmem::find_iter(source, b"\n---\n").map(|at| at + 1);
    for end in ends.chain([source.len()]) {
        nodes += whole(&source[start..end]);
        start = end;
    }
    nodes
}

fn cpu() -> f64 {
    let usage = usage();
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

fn usage() -> Usage {
    getrusage(UsageWho::RUSAGE_SELF).unwrap()
}
