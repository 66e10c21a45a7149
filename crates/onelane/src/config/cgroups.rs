//! The limits of the control groups that this process is in, of both versions of cgroups: its own group's, and
//! those of the groups around it, as far as they can be seen from here.

use std::fs;

/// The first version of cgroups writes "no limit" as a number close to 2^63.
const NO_LIMIT: u64 = 1 << 60;

/// What is before the limit that binds, in the statistics of the first version.
const HIERARCHICAL: &str = "hierarchical_memory_limit ";

/// The groups of this process that a controller knows.
pub(super) struct Groups {
    is_first_version: bool,
    /// Where the tree of groups is mounted.
    top: String,
    /// The folder of the innermost.
    innermost: String,
}

impl Groups {
    /// Those of `controller`, below the `root` of the file system. None where there are no cgroups.
    pub(super) fn of(controller: &str, root: &str) -> Option<Self> {
        let memberships = read(root, "proc/self/cgroup")?;
        let mounts = read(root, "proc/self/mountinfo")?;
        let (is_first_version, group) = membership(controller, &memberships)?;
        let (mount_root, mount_point) = mount(controller, is_first_version, &mounts)?;
        let top = format!("{root}{mount_point}");
        let mount_root = mount_root.trim_end_matches('/');
        let innermost = match group.strip_prefix(mount_root) {
            Some(inside) if inside.starts_with('/') && !inside.contains("/..") => {
                format!("{top}{}", inside.trim_end_matches('/'))
            }
            // Where the mount shows other groups than the ones that we are in, its top is the closest to them.
            _ => top.clone(),
        };
        Some(Self {
            is_first_version,
            top,
            innermost,
        })
    }

    /// The memory that the tightest of them allows, in bytes.
    pub(super) fn memory_bytes(&self) -> Option<u64> {
        self.tightest(&|folder| {
            let names = if self.is_first_version {
                // The second one has the limits of the groups around, if they apply, and be they out of sight.
                ["memory.limit_in_bytes", "memory.stat"]
            } else {
                // Beyond the second one, a group hardly gets on.
                ["memory.max", "memory.high"]
            };
            let mut limit = NO_LIMIT;
            for name in names {
                let text = read(folder, name).unwrap_or_default();
                let (_, number) = text.split_once(HIERARCHICAL).unwrap_or(("", &text));
                let number = number.lines().next().and_then(|line| line.parse().ok());
                limit = limit.min(number.unwrap_or(NO_LIMIT));
            }
            (limit < NO_LIMIT).then_some(limit)
        })
    }

    /// The CPUs that the tightest of them allows, rounded up, so that all of a quota can be used.
    pub(super) fn cpus(&self) -> Option<u64> {
        self.tightest(&|folder| {
            let quota = if self.is_first_version {
                read(folder, "cpu.cfs_quota_us")? + &read(folder, "cpu.cfs_period_us")?
            } else {
                read(folder, "cpu.max")?
            };
            let (quota, period) = quota.trim().split_once(char::is_whitespace)?;
            // None is written as -1 or as a word.
            let quota: u64 = quota.parse().ok()?;
            let period: u64 = period.parse().ok()?;
            Some(quota.div_ceil(period.max(1)).max(1))
        })
    }

    /// The smallest limit of all groups that have one.
    fn tightest(&self, limit: &dyn Fn(&str) -> Option<u64>) -> Option<u64> {
        let mut folder = self.innermost.as_str();
        let mut tightest = None;
        while folder.len() >= self.top.len() {
            let limit = limit(folder);
            tightest = match (tightest, limit) {
                (Some(tightest), Some(limit)) => Some(u64::min(tightest, limit)),
                (tightest, limit) => tightest.or(limit),
            };
            folder = folder.rsplit_once('/')?.0;
        }
        tightest
    }
}

fn read(folder: &str, name: &str) -> Option<String> {
    fs::read_to_string(format!("{folder}/{name}")).ok()
}

/// Whether the controller is of the first version, and the path of the group. Lines are
/// `4:memory:/path`, and `0::/path` for everything of the second version.
fn membership<'a>(controller: &str, memberships: &'a str) -> Option<(bool, &'a str)> {
    let mut found = None;
    for line in memberships.lines() {
        let (controllers, group) = line.split_once(':')?.1.split_once(':')?;
        if has(controllers, controller) {
            return Some((true, group));
        }
        if controllers.is_empty() {
            found = Some((false, group));
        }
    }
    found
}

/// Which group is at the top of the mounted tree, and where that is mounted. Lines are
/// `35 31 0:32 /top /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory`, with some fields more before the dash.
fn mount<'a>(
    controller: &str,
    is_first_version: bool,
    mounts: &'a str,
) -> Option<(&'a str, &'a str)> {
    mounts.lines().find_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        let (kind, options) = system.split_once(' ')?;
        let is_it = match kind {
            "cgroup2" => !is_first_version,
            "cgroup" => is_first_version && has(options.split_once(' ')?.1, controller),
            _ => false,
        };
        let mut mount = mount.split(' ').skip(3);
        is_it.then_some((mount.next()?, mount.next()?))
    })
}

/// Whether this name is in a list, between commas.
fn has(list: &str, name: &str) -> bool {
    list.split(',').any(|one| one == name)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::id;

    use super::*;

    /// A file system with these files, each with its text.
    struct Root(PathBuf);

    impl Root {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("onelane-cgroups-{}-{name}", id()));
            for (path, text) in files {
                let path = root.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self(root)
        }

        /// Bytes of memory, and CPUs.
        fn limits(&self) -> (Option<u64>, Option<u64>) {
            let groups = |controller| Groups::of(controller, self.0.to_str().unwrap());
            (
                groups("memory").and_then(|groups| groups.memory_bytes()),
                groups("cpu").and_then(|groups| groups.cpus()),
            )
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    const SECOND: (&str, &str) = (
        "proc/self/mountinfo",
        "30 23 0:26 / /sys/fs/cgroup ro,nosuid shared:4 - cgroup2 cgroup rw,nsdelegate\n",
    );

    const FIRST: (&str, &str) = (
        "proc/self/mountinfo",
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
         32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct\n\
         35 31 0:32 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
         41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
    );

    /// Elsewhere only the limits of the innermost group were read, and a pod's or a slice's were not seen.
    #[test]
    fn the_limit_that_binds_may_be_that_of_a_group_around() {
        let root = Root::new(
            "around",
            &[
                SECOND,
                ("proc/self/cgroup", "0::/pod.slice/lane.service\n"),
                ("sys/fs/cgroup/pod.slice/memory.max", "104857600\n"),
                ("sys/fs/cgroup/pod.slice/cpu.max", "150000 100000\n"),
                ("sys/fs/cgroup/pod.slice/lane.service/memory.max", "max\n"),
                ("sys/fs/cgroup/pod.slice/lane.service/memory.high", "max\n"),
                (
                    "sys/fs/cgroup/pod.slice/lane.service/cpu.max",
                    "max 100000\n",
                ),
            ],
        );
        assert_eq!(root.limits(), (Some(100 << 20), Some(2)));
    }

    #[test]
    fn the_tightest_limit_binds_wherever_it_is() {
        let root = Root::new(
            "tightest",
            &[
                SECOND,
                ("proc/self/cgroup", "0::/a/b\n"),
                ("sys/fs/cgroup/a/memory.max", "1073741824\n"),
                ("sys/fs/cgroup/a/cpu.max", "400000 100000\n"),
                ("sys/fs/cgroup/a/b/memory.max", "209715200\n"),
                ("sys/fs/cgroup/a/b/memory.high", "104857600\n"),
                ("sys/fs/cgroup/a/b/cpu.max", "10000 100000\n"),
            ],
        );
        assert_eq!(root.limits(), (Some(100 << 20), Some(1)));
    }

    #[test]
    fn a_container_that_sees_itself_as_the_top_has_the_limits_of_the_top() {
        for group in ["/", "/../../elsewhere"] {
            let memberships = format!("0::{group}\n");
            let root = Root::new(
                &format!("top{}", group.len()),
                &[
                    SECOND,
                    ("proc/self/cgroup", &memberships),
                    ("sys/fs/cgroup/memory.max", "104857600\n"),
                    ("sys/fs/cgroup/cpu.max", "50000 100000\n"),
                ],
            );
            assert_eq!(root.limits(), (Some(100 << 20), Some(1)), "{group}");
        }
    }

    #[test]
    fn the_first_version_tells_the_limit_that_binds_though_its_group_is_out_of_sight() {
        let root = Root::new(
            "first",
            &[
                FIRST,
                (
                    "proc/self/cgroup",
                    "4:memory:/docker/1\n2:cpu,cpuacct:/docker/1\n0::/\n",
                ),
                (
                    "sys/fs/cgroup/memory/memory.limit_in_bytes",
                    "9223372036854771712\n",
                ),
                (
                    "sys/fs/cgroup/memory/memory.stat",
                    "cache 0\nhierarchical_memory_limit 104857600\nhierarchical_memsw_limit 1\n",
                ),
                (
                    "sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us",
                    "250000\n",
                ),
                (
                    "sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us",
                    "100000\n",
                ),
                (
                    "sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us",
                    "-1\n",
                ),
                (
                    "sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us",
                    "100000\n",
                ),
            ],
        );
        assert_eq!(root.limits(), (Some(100 << 20), Some(3)));
    }

    #[test]
    fn no_limit_is_none() {
        let root = Root::new(
            "none",
            &[
                FIRST,
                ("proc/self/cgroup", "4:memory:/docker/1\n2:cpu,cpuacct:/\n"),
                (
                    "sys/fs/cgroup/memory/memory.limit_in_bytes",
                    "9223372036854771712\n",
                ),
                ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"),
                ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
            ],
        );
        assert_eq!(root.limits(), (None, None));
        assert_eq!(Root::new("empty", &[]).limits(), (None, None));
    }
}
