//! What clients were told, and what nginx and the lanes say of the same requests.

use std::collections::HashMap;

use onelane_stack::say;
use serde_json::Value;

use super::clients::Told;

pub(super) struct Books {
    pub(super) told: Vec<Told>,
    /// All that nginx and the lanes have logged.
    pub(super) log: String,
}

impl Books {
    /// Panics where they do not add up.
    pub(super) fn check(&self) {
        for told in &self.told {
            let expected: &[u16] = if told.is_post {
                &[200, 502, 504]
            } else {
                &[200]
            };
            assert!(expected.contains(&told.status), "{told:?}");
            assert_eq!(told.status == 200, told.reason.is_null(), "{told:?}");
        }
        let passed_on = self.passed_on();
        let done = self.done();
        for told in self.told.iter().filter(|told| told.is_post) {
            let (id, done) = (&told.id, done.get(&told.id).copied().unwrap_or(0));
            let lanes = passed_on.get(id);
            let lanes = lanes.unwrap_or_else(|| panic!("nginx has no line for {told:?}"));
            assert!(*lanes <= 1, "{lanes} lanes took {told:?}");
            assert!(done <= 1, "done {done} times: {told:?}");
        }
        let posts = self.told.iter().filter(|told| told.is_post);
        let lost = posts.clone().filter(|told| told.status != 200).count();
        let (all, posts) = (self.told.len(), posts.count());
        let done = done.len();
        say(&format!(
            "{all} requests, {posts} of them POSTs, of which {lost} were lost with their lane and {done} are in its log"
        ));
    }

    /// How many lanes nginx has sent each POST to, all of it, without hearing that they were busy.
    fn passed_on(&self) -> HashMap<String, usize> {
        let posts = self.lines().filter(|line| {
            let request = line["request"].as_str().unwrap_or_default();
            request.starts_with("POST ")
        });
        let counts = posts.map(|line| {
            let length = line["request_bytes"].as_u64();
            let tries = tries(&line["lane_status"]).zip(tries(&line["lane_bytes"]));
            // With what nginx adds to it, it is longer than it was.
            let taken =
                tries.filter(|(status, bytes)| *status != "403" && bytes.parse().ok() >= length);
            (id(&line), taken.count())
        });
        counts.collect()
    }

    /// How often lanes say that they have done each POST, as far as they say anything.
    fn done(&self) -> HashMap<String, usize> {
        let mut done = HashMap::new();
        for line in self.lines() {
            if line["method"] == "POST" && line["status"] == 200 {
                *done.entry(id(&line)).or_default() += 1;
            }
        }
        done
    }

    fn lines(&self) -> impl Iterator<Item = Value> {
        self.log.lines().filter_map(|line| {
            // Compose begins a line with a command to the terminal.
            let json = line.get(line.find('{')?..)?;
            serde_json::from_str(json).ok()
        })
    }
}

/// What nginx says of each lane it has asked.
fn tries(list: &Value) -> impl Iterator<Item = &str> {
    list.as_str()
        .unwrap_or_default()
        .split([',', ':'])
        .map(str::trim)
}

fn id(line: &Value) -> String {
    line["request_id"].as_str().unwrap_or_default().to_owned()
}
