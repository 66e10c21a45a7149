//! WHAT is computed: the one folder that a user of the template replaces.
//!
//! A workload is a file with a type that implements [`crate::job::Workload`], and its line in the
//! list below. It has no async, no environment and no logging, and no clock beyond its need.

/// Declares each module and lists its workload, so that adding one is one file and one line.
/// (cargo fmt does not look into macros for modules, `make fmt` does.)
macro_rules! workloads {
    ($($module:ident::$workload:ident,)*) => {
        $(pub mod $module;)*

        /// Every workload of this service.
        pub static ALL: &[crate::job::Definition] =
            &[$(crate::job::Definition::of::<$module::$workload>(),)*];
    };
}

workloads! {
    prime::Prime,
    wait::Wait,
    sleep::Sleep,
    count::Count,
    fast::Fast,
}
