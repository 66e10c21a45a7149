//! Clients in a pod of the cluster. They ask the Service by its address: whether the DNS of clients works is
//! not what is tried.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onelane_tree::manifests::{at, number, text};
use serde_json::{Value, json};

use crate::answers::Answers;
use crate::cluster::Cluster;
use crate::home::{CLIENTS, SERVICE};
use crate::kubectl::{create, get, kubectl, until};
use crate::notes::Stop;
use crate::service::PATIENCE;

/// What runs in the pod; it explains the words of a client.
const CLIENT: &str = include_str!("client.bash");

/// GETs of 50 ms on both kinds of connections, which occupy a good half of two lanes.
pub(crate) const GETS: [&str; 4] = [
    "GET /sleep 50 fresh - 0.3 0",
    "GET /sleep 50 kept - 0.3 0",
    "GET /sleep 50 fresh - 0.3 0",
    "GET /sleep 50 kept - 0.3 0",
];

/// And POSTs.
pub(crate) const POSTS: [&str; 4] = [
    "POST /sleep 50 fresh - 0.3 0",
    "POST /sleep 50 kept - 0.3 0",
    "POST /sleep 50 fresh key 0.3 0",
    "POST /sleep 50 kept key 0.3 0",
];

pub(crate) struct Load {
    /// Of the pod, and so the beginning of the id of each request.
    pod: String,
}

impl Load {
    /// Returns when they run.
    pub(crate) async fn start(
        cluster: &Cluster,
        name: &str,
        clients: &[&str],
    ) -> Result<Self, Stop> {
        let service = get(&["service", "nginx", "--namespace", SERVICE]).await?;
        let address = text(&service, "/spec/clusterIP");
        let port = number(at(&service, "/spec/ports/0"), "/port").to_string();
        let command = ["bash", "-c", CLIENT, "client", address, &port];
        let command = [&command[..], clients].concat();
        create(&pod(name, &cluster.nginx_image(), &command)).await?;
        let load = Self {
            pod: name.to_owned(),
        };
        until("clients to run", PATIENCE, async || {
            let phase = load.phase().await?;
            Ok((phase != "Pending").then_some(()))
        })
        .await?;
        Ok(load)
    }

    async fn phase(&self) -> Result<String, Stop> {
        let pod = get(&["pod", &self.pod, "--namespace", CLIENTS]).await?;
        Ok(text(&pod, "/status/phase").to_owned())
    }

    async fn log(&self) -> Result<String, Stop> {
        kubectl(&["logs", &self.pod, "--namespace", CLIENTS]).await
    }

    /// What there is so far.
    pub(crate) async fn answers(&self) -> Result<Answers, Stop> {
        Ok(Answers::read(&self.log().await?))
    }

    /// Waits for so many more answers, whatever they are.
    pub(crate) async fn more(&self, count: usize) -> Result<(), Stop> {
        let enough = self.answers().await?.0.len() + count;
        let waited = until("more answers", PATIENCE, async || {
            let log = self.log().await?;
            let has_ended = log.ends_with("done");
            Ok((has_ended || Answers::read(&log).0.len() >= enough).then_some(has_ended))
        });
        let why = match waited.await {
            Ok(false) => return Ok(()),
            Ok(true) => "clients ended too early".to_owned(),
            Err(why) => why.to_string(),
        };
        let (phase, log) = (self.phase().await?, self.log().await?);
        let tail: Vec<&str> = log.lines().rev().take(3).collect();
        Err(Stop::Fail(format!("{why}: pod {phase}, log {tail:?}")))
    }

    /// How far the clock of its node is ahead of ours, in seconds, give or take half of what asking takes.
    pub(crate) async fn clock_ahead(&self) -> Result<f64, Stop> {
        let before = now();
        let date = self.run(&["date", "+%s.%N"]).await?;
        let theirs: f64 = date.parse().map_err(Stop::from_error)?;
        Ok(theirs - f64::midpoint(before, now()))
    }

    async fn run(&self, command: &[&str]) -> Result<String, Stop> {
        let exec = ["exec", &self.pod, "--namespace", CLIENTS, "--"];
        kubectl(&[&exec[..], command].concat()).await
    }

    /// Lets each client have its last answer.
    pub(crate) async fn stop(self) -> Result<Answers, Stop> {
        self.run(&["touch", "/tmp/stop"]).await?;
        self.finish().await
    }

    /// The answers of clients that end by themselves.
    pub(crate) async fn finish(self) -> Result<Answers, Stop> {
        // More than the patience of a client.
        let log = until("the last answers", Duration::from_secs(150), async || {
            let log = self.log().await?;
            Ok(log.ends_with("done").then_some(log))
        })
        .await?;
        let delete = ["delete", "pod", &self.pod, "--namespace", CLIENTS];
        kubectl(&[&delete[..], &["--wait=false"]].concat()).await?;
        Ok(Answers::read(&log))
    }
}

/// By our clock, in seconds since 1970.
pub(crate) fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("it is later than 1970").as_secs_f64()
}

/// As restricted as the service itself.
fn pod(name: &str, image: &str, command: &[&str]) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "namespace": CLIENTS },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "securityContext": {
                "runAsNonRoot": true,
                // The user of the image.
                "runAsUser": 101,
                "runAsGroup": 101,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [{
                "name": "clients",
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": command,
                // A bash for each client takes 2 MB.
                "resources": {
                    "requests": { "cpu": "50m", "memory": "64Mi" },
                    "limits": { "memory": "64Mi" },
                },
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "capabilities": { "drop": ["ALL"] },
                },
            }],
        },
    })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::process::Command;
    use std::thread;

    use super::{Answers, CLIENT};

    /// What a server does with each connection: an answer for each request, then it closes.
    const CONNECTIONS: [&[&str]; 3] = [
        &[
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Served-By: app-1/7\r\n\r\n{}",
            // No answer to the second.
            "",
        ],
        &[
            "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 20\r\n\r\n{\"reason\":\"no_lane\"}",
        ],
        // And half of one.
        &["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"],
    ];

    #[test]
    fn a_client_tells_of_each_request_what_became_of_it_and_never_tries_again() {
        // Port 0 is any that is free.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
        let port = listener.local_addr().expect("it is bound").port();
        let server = thread::spawn(move || {
            for answers in CONNECTIONS {
                let (connection, _) = listener.accept().expect("a client comes");
                let mut requests = BufReader::new(&connection);
                for answer in answers {
                    let mut line = String::from("-");
                    // The empty line ends a head, and these have no body.
                    while line.trim() != "" {
                        line.clear();
                        requests.read_line(&mut line).expect("a head");
                    }
                    let answer = answer.as_bytes();
                    (&connection).write_all(answer).expect("it listens");
                }
            }
        });
        let client = Command::new("bash")
            .args(["-c", CLIENT, "client", "127.0.0.1", &port.to_string()])
            .arg("GET /sleep 1 kept - 0 5")
            .output()
            .expect("there is bash");
        server.join().expect("it has seen all connections");

        let log = String::from_utf8(client.stdout).expect("it is ASCII");
        assert!(log.ends_with("\ndone\n"), "{log}");
        let answers = Answers::read(&log).0;
        let told = answers
            .iter()
            .map(|it| format!("{} {} {}", it.status, it.reason, it.lane));
        let expected = [
            "200 - app-1",
            "0 closed -",
            "503 no_lane -",
            "0 cut -",
            "0 refused -",
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }
}
