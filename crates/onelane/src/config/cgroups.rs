//! The limits of the control groups that this process is in, of both versions of cgroups: its own group's, and
//! those of the groups around it, as far as they can be seen from here.

use std::fs;
use std::path::{Path, PathBuf};

/// The first version of cgroups writes "no limit" as a number close to 2^63.
const NO_LIMIT: u64 = 1 << 60;

/// The groups of this process that a controller knows.
pub(super) struct Groups {
    is_first_version: bool,
    /// Their folders, the innermost first.
    folders: Vec<PathBuf>,
}

impl Groups {
    /// Those of `controller`, below the `root` of the file system. None where there are no cgroups.
    pub(super) fn of(controller: &str, root: &Path) -> Option<Self> {
        let memberships = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
        let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
        let (is_first_version, group) = membership(controller, &memberships)?;
        let (mount_root, mount_point) = mount(controller, is_first_version, &mounts)?;
        let inside = Path::new(group).strip_prefix(mount_root);
        // Where the mount shows other groups than the ones that we are in, its top is the closest to them.
        let inside = inside.ok().filter(|path| !path.starts_with(".."));
        let top = root.join(mount_point.trim_start_matches('/'));
        let innermost = top.join(inside.unwrap_or(Path::new("")));
        let folders = innermost.ancestors();
        Some(Self {
            is_first_version,
            folders: folders
                .take_while(|folder| folder.starts_with(&top))
                .map(Path::to_owned)
                .collect(),
        })
    }

    /// The memory that the tightest of them allows, in bytes.
    pub(super) fn memory_bytes(&self) -> Option<u64> {
        let number = |text: String| text.trim().parse().ok();
        let limits = self.folders.iter().flat_map(|folder| {
            let read = |name| fs::read_to_string(folder.join(name)).ok();
            if self.is_first_version {
                // Those of the groups around it are in it, if they apply, and be they out of sight.
                let stat = read("memory.stat").unwrap_or_default();
                let hierarchy = stat
                    .lines()
                    .find_map(|line| line.strip_prefix("hierarchical_memory_limit "));
                let hierarchy = hierarchy.and_then(|bytes| bytes.parse().ok());
                let own = read("memory.limit_in_bytes").and_then(number);
                [own, hierarchy]
            } else {
                // Beyond the second one, a group hardly gets on.
                ["memory.max", "memory.high"].map(|name| read(name).and_then(number))
            }
        });
        limits.flatten().filter(|bytes| *bytes < NO_LIMIT).min()
    }

    /// The CPUs that the tightest of them allows, rounded up, so that all of a quota can be used.
    pub(super) fn cpus(&self) -> Option<u64> {
        let quotas = self.folders.iter().filter_map(|folder| {
            let read = |name| fs::read_to_string(folder.join(name)).ok();
            let quota = if self.is_first_version {
                read("cpu.cfs_quota_us")? + " " + &read("cpu.cfs_period_us")?
            } else {
                read("cpu.max")?
            };
            let mut times = quota.split_whitespace();
            // None is written as -1 or as a word.
            let quota: u64 = times.next()?.parse().ok()?;
            let period: u64 = times.next()?.parse().ok()?;
            (period > 0).then(|| quota.div_ceil(period).max(1))
        });
        quotas.min()
    }
}

/// Whether the controller is of the first version, and the path of the group. Lines are
/// `4:memory:/path`, and `0::/path` for everything of the second version.
fn membership<'a>(controller: &str, memberships: &'a str) -> Option<(bool, &'a str)> {
    let lines = memberships.lines().filter_map(|line| {
        let (controllers, group) = line.split_once(':')?.1.split_once(':')?;
        let is_first_version = controllers.split(',').any(|name| name == controller);
        (is_first_version || controllers.is_empty()).then_some((is_first_version, group))
    });
    lines.max_by_key(|(is_first_version, _)| *is_first_version)
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
        let mut system = system.split(' ');
        let is_it = match system.next()? {
            "cgroup2" => !is_first_version,
            "cgroup" => {
                is_first_version && system.nth(1)?.split(',').any(|name| name == controller)
            }
            _ => false,
        };
        let mut mount = mount.split(' ').skip(3);
        is_it.then_some((mount.next()?, mount.next()?))
    })
}

#[cfg(test)]
mod tests {
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
            let groups = |controller| Groups::of(controller, &self.0);
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
