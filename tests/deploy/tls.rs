//! TLS: what is spoken, by which certificate, and how another one takes its place.

use std::fs::{self, read_to_string};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::curl::{curl, handshake, secure};
use crate::files_of_nginx::Files;
use onelane_load::Clients;
use onelane_stack::{Compose, Local, complaint, docker, output, say};

async fn up() -> Local {
    Local::up_with(2, &[("TLS", "1")]).await
}

#[tokio::test]
async fn protocols_and_ciphers_are_those_of_today() {
    let stack = up().await;
    // Whatever the client's own policy is.
    let any = "ALL:@SECLEVEL=0";
    for (options, is_spoken) in [
        (vec!["-tls1_3"], true),
        (vec!["-tls1_2"], true),
        (vec!["-tls1_2", "-cipher", any], true),
        (
            vec!["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"],
            true,
        ),
        (vec!["-tls1_1", "-cipher", any], false),
        (vec!["-tls1", "-cipher", any], false),
        (
            vec![
                "-tls1_2",
                "-cipher",
                "ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0",
            ],
            false,
        ),
        (
            vec!["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"],
            false,
        ),
        (
            vec!["-tls1_2", "-cipher", "AES128-GCM-SHA256:@SECLEVEL=0"],
            false,
        ),
    ] {
        let certificate = handshake(&stack.base, &options).await;
        assert_eq!(certificate.is_some(), is_spoken, "{options:?}");
    }
}

#[tokio::test]
async fn plain_http_on_the_same_port_is_sent_to_https() {
    let stack = up().await;
    let plain = format!("{}/prime?number=7", stack.base);
    let answer = curl(&plain, &["--data", "x"]).await;
    assert_eq!(
        (answer.status, answer.header("Location")),
        (308, &*secure(&plain))
    );
    assert_eq!(answer.header("Strict-Transport-Security"), "");
    let answer = curl(&plain, &["--location"]).await;
    assert_eq!((answer.status, &*answer.version), (200, "2"));
}

/// A client that asks for a real host name, on the port of HTTPS, is told to come back by HTTPS alone. With a local
/// name, an address or another port it is only trying, and is not told.
#[tokio::test]
async fn only_a_site_of_its_own_asks_for_https_for_ever() {
    let stack = up().await;
    let url = format!("{}/fast", secure(&stack.base));
    for (host, told) in [
        ("lanes.example.com", "max-age=63072000"),
        ("lanes.example.com:5000", ""),
        ("localhost", ""),
        ("192.0.2.1", ""),
    ] {
        let answer = curl(&url, &["--header", &format!("Host: {host}")]).await;
        let seen = (answer.status, answer.header("strict-transport-security"));
        assert_eq!(seen, (200, told), "{host}");
    }
}

#[tokio::test]
async fn a_client_that_never_finishes_its_handshake_is_cut_off() {
    let stack = up().await;
    let address = stack.base.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).await.expect("nginx listens");
    let mut nothing = Vec::new();
    let end = tokio::time::timeout(
        Duration::from_secs(20),
        connection.read_to_end(&mut nothing),
    );
    assert!(
        end.await.is_ok(),
        "the connection was still open after 20 s"
    );
}

/// What nginx keeps for a client that has only begun to speak TLS.
#[tokio::test]
async fn a_connection_takes_no_more_than_is_reckoned_with() {
    const CONNECTIONS: u64 = 1000;
    /// In docker/listen.conf.
    const RECKONED_KIB: u64 = 65;

    let files = Files::copy();
    // As long as it takes here to open them all.
    files.replace(
        "limits.conf",
        "client_header_timeout 5s;",
        "client_header_timeout 60s;",
    );
    let folder = files.path().to_str().expect("its path is ASCII");
    let stack = Local::up_with(1, &[("TLS", "1"), ("NGINX_DIR", folder)]).await;
    let address = stack.base.trim_start_matches("http://");
    let hello = client_hello().await;
    let before = memory_kib(&stack).await;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = TcpStream::connect(address).await.expect("nginx listens");
        connection.write_all(&hello).await.expect("it reads");
        // Its own part of the handshake.
        connection.read_u8().await.expect("it answers");
        connections.push(connection);
    }
    let each = (memory_kib(&stack).await - before) / CONNECTIONS;
    say(&format!("a handshake that is not finished: {each} KiB"));
    assert!(each < RECKONED_KIB, "{each} KiB");
}

/// How a client begins, as openssl does.
async fn client_hello() -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let openssl = Command::new("openssl")
        .args(["s_client", "-connect", &address])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let _openssl = openssl.expect("it is there");
    let (mut client, _) = listener.accept().await.expect("it connects");
    let mut record = vec![0; 5];
    client.read_exact(&mut record).await.expect("a head");
    let mut rest = vec![0; usize::from(u16::from_be_bytes([record[3], record[4]]))];
    client.read_exact(&mut rest).await.expect("all of it");
    record.append(&mut rest);
    record
}

/// Of the workers of nginx.
async fn memory_kib(stack: &Local) -> u64 {
    let master = stack.pids("nginx")[0].as_raw_nonzero().to_string();
    let of_each = output(Command::new("ps").args(["-o", "rss=", "--ppid", &master])).await;
    let lines = of_each.lines().map(|line| line.trim().parse::<u64>());
    lines.map(|kib| kib.expect("a number")).sum()
}

#[tokio::test]
async fn plain_processes_keep_the_pair_that_they_have_made() {
    let stack = up().await;
    let pair = handshake(&stack.base, &[]).await.expect("it speaks TLS");
    let key = stack.run.path().join("tls/tls.key");
    let permissions = fs::metadata(&key).expect("it is there").permissions();
    assert_eq!(permissions.mode() & 0o777, 0o600);

    let said = output(stack.up_again().env("LANES", "1")).await;
    assert!(said.contains("as before: "), "{said}");
    assert!(said.contains("behind https://"), "{said}");
    assert!(said.contains("curl --insecure 'https://"), "{said}");
    assert_eq!(handshake(&stack.base, &[]).await, Some(pair));

    output(stack.up_again().env("TLS", "0")).await;
    let answer = curl(&format!("{}/fast", stack.base), &[]).await;
    assert_eq!((answer.status, &*answer.version), (200, "1.1"));
}

#[tokio::test]
async fn plain_processes_renew_their_certificate_without_losing_a_request() {
    let pair = Pair::new();
    let stack = Local::up_with(2, &[("TLS", pair.path())]).await;
    let reload = || {
        let mut reload = Command::new("local/reload");
        reload.env("RUN_DIR", stack.run.path());
        reload
    };
    renews(&stack.base, &pair, reload).await;
    let said = complaint(stack.up_again().env("TLS", "no/such/folder")).await;
    assert!(said.contains("'no/such/folder'"), "{said}");
}

#[tokio::test]
async fn containers_renew_their_certificate_without_losing_a_request() {
    let pair = Pair::new();
    let Some(stack) = Compose::up_with(2, &[("TLS", pair.path())]).await else {
        return;
    };
    renews(&stack.base, &pair, || stack.reload_command()).await;

    // Nothing of the key is in the image, and no other user in the container may read it.
    let nginx = stack.nginx().await.container;
    let key = "/etc/nginx/tls/tls.key";
    let mode = docker(["exec", &nginx, "stat", "--format=%a %u", key]).await;
    assert_eq!(mode, "600 101");
    let image = [
        "run",
        "--rm",
        "--entrypoint=ls",
        concat!(env!("CARGO_PKG_NAME"), "-nginx"),
        "/etc/nginx/tls",
    ];
    assert_eq!(docker(image).await, "");
    let limit = docker(["inspect", "--format", "{{.HostConfig.Memory}}", &nginx]).await;
    assert_eq!(limit, (1280_u64 << 20).to_string());

    // One of its own instead, from now on.
    let given = handshake(&stack.base, &[]).await;
    output(stack.up_again().env("TLS", "1")).await;
    let own = handshake(&stack.base, &[]).await;
    assert!(own.is_some() && own != given);
    output(&mut stack.reload_command()).await;
    assert_eq!(handshake(&stack.base, &[]).await, own);
}

/// Another pair in the same folder is served after a reload, while requests come and go; one that is broken never is.
async fn renews(base: &str, pair: &Pair, reload: impl Fn() -> Command) {
    assert_eq!(handshake(base, &[]).await, Some(pair.certificate()));
    let clients: Vec<_> = ["--http2", "--http1.1"]
        .into_iter()
        .flat_map(|version| [version; 3])
        .map(|version| asking(base, version))
        .collect();

    for _ in 0..3 {
        let before = pair.certificate();
        pair.renew();
        assert_eq!(handshake(base, &[]).await, Some(before));
        output(&mut reload()).await;
        assert_eq!(handshake(base, &[]).await, Some(pair.certificate()));
        for client in &clients {
            client.answered(5).await;
        }
    }

    let good = pair.certificate();
    let key = pair.read("tls.key");
    for (file, text, why) in [
        (
            "tls.key",
            Pair::new().read("tls.key"),
            "the key is not that of the first certificate",
        ),
        ("tls.key", String::new(), "the key cannot be read"),
        (
            "tls.crt",
            "none".to_owned(),
            "the certificate cannot be read",
        ),
    ] {
        pair.write(file, &text);
        let said = failure(&mut reload()).await;
        assert!(said.contains(why), "{said}");
        assert!(
            said.ends_with("nginx goes on with what it has read before\n"),
            "{said}"
        );
        assert_eq!(handshake(base, &[]).await, Some(good.clone()));
        pair.write("tls.key", &key);
    }
    for client in clients {
        client.stop().await;
    }
}

/// All that a command says which has to fail.
async fn failure(command: &mut Command) -> String {
    let failed = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .await;
    let failed = failed.expect("it is there");
    assert!(!failed.status.success(), "{command:?} should fail");
    String::from_utf8_lossy(&failed.stderr).into_owned()
}

/// A client that asks without a pause, twenty requests on each connection, of which it waits for all answers.
fn asking(base: &str, version: &'static str) -> Clients<()> {
    let url = format!("{}/sleep?ms=[1-20]", secure(base));
    Clients::start(1, move |_| {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--insecure",
            "--fail",
            "--output",
            "/dev/null",
        ]);
        curl.arg(version).arg(&url);
        async move {
            output(&mut curl).await;
        }
    })
}

/// A certificate and its key, as they may stand in a user's folder.
struct Pair(TempDir);

impl Pair {
    fn new() -> Self {
        let pair = Self(TempDir::new().expect("there is room for temporary files"));
        pair.renew();
        pair
    }

    fn renew(&self) {
        let made = std::process::Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes"])
            .args(["-subj", "/CN=lanes.example.com", "-days", "2"])
            .arg("-keyout")
            .arg(self.0.path().join("tls.key"))
            .arg("-out")
            .arg(self.0.path().join("tls.crt"))
            .output();
        assert!(made.expect("there is an openssl").status.success());
    }

    fn path(&self) -> &str {
        self.0.path().to_str().expect("it is ASCII")
    }

    fn file(&self, name: &str) -> impl AsRef<Path> {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        read_to_string(self.file(name)).expect("it is ours")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).expect("the folder is ours");
    }

    /// As `handshake` tells it.
    fn certificate(&self) -> String {
        let text = self.read("tls.crt");
        let end = text
            .find("-----END CERTIFICATE-----")
            .expect("it is a certificate");
        text[..end].to_owned()
    }
}
