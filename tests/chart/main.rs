//! What is shipped: the chart, rendered by helm, the definitions of custom resources, and the image. What an API
//! server would refuse is found by reading every object into the type that Kubernetes has for it, and by asking one.

#[path = "../harness/cluster.rs"]
mod cluster;
#[path = "../harness/eventually.rs"]
mod eventually;
#[path = "../harness/golden.rs"]
mod golden;
#[path = "../harness/not_run.rs"]
mod not_run;

mod alerts;
mod definitions;
mod image;
mod objects;
mod release;
mod rendered;
mod rights;
mod server;
mod values;
