//! The Kubernetes manifests, as far as they can be judged without a cluster: whether an API server takes
//! them, whether they fit together, and whether their numbers still follow from what they derive from.
//! How they behave is tested beside them, in `tests/deploy/rollout.rs`.
//!
//! The schemas come from a Python package, the rendering from kubectl. Where one of them cannot be had,
//! its tests say that they are skipped and pass; with CI=true they fail.

// Against the published schemas, unknown fields included.
mod schemas;
// What `-f` and `-k` apply, and in which order.
mod applied;
// The restricted profile, probes, limits, images.
mod policy;
// Names that are referred to exist, selectors find their pods, ports are the same everywhere.
mod references;
// Numbers that derive from others.
mod numbers;
// With Compose, lanes follow the load by the same numbers.
mod compose_scales;
// The folders below k8s/.
mod optional;
// One key order, one indent, one object a file.
mod style;

// Directives of nginx, of the image and of the ConfigMap.
mod nginx;
