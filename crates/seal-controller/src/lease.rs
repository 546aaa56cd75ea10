//! Which replica writes: leader election by a Lease.
