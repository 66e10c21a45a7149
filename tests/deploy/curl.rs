//! curl and openssl, which speak TLS, and HTTP/2 above it.

use onelane_stack::output;
use serde_json::Value;
use tokio::process::Command;

/// What curl was told.
pub(crate) struct Answer {
    /// `2`, or `1.1`.
    pub(crate) version: String,
    pub(crate) status: u16,
    head: String,
    /// Null where the body is no JSON.
    pub(crate) json: Value,
}

impl Answer {
    /// Empty where there is no such header.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self
            .head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(header, _)| header.eq_ignore_ascii_case(name));
        lines.next().map_or("", |(_, value)| value)
    }

    pub(crate) fn reason(&self) -> &str {
        self.json["reason"].as_str().unwrap_or_default()
    }
}

/// Asks, with these options beside. By default it speaks HTTP/2 where the server does.
pub(crate) async fn curl(url: &str, options: &[&str]) -> Answer {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--include", "--insecure"]);
    // Beyond anything a lane does.
    curl.args([
        "--max-time",
        "90",
        "--write-out",
        "\n%{http_version} %{http_code}",
    ]);
    let said = output(curl.args(options).arg(url)).await;
    let (text, last) = said.rsplit_once('\n').expect("it tells the status");
    let (version, status) = last.split_once(' ').expect("two words");
    // Before an answer there may be "100 Continue".
    let text = text
        .strip_prefix("HTTP/1.1 100 Continue\r\n\r\n")
        .unwrap_or(text);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    Answer {
        version: version.to_owned(),
        status: status.parse().expect("a number"),
        head: head.to_owned(),
        json: serde_json::from_str(body).unwrap_or_default(),
    }
}

/// `https://` in the place of `http://`.
pub(crate) fn secure(base: &str) -> String {
    base.replacen("http://", "https://", 1)
}

/// The certificate that is served there, as openssl prints it; `None` where the handshake fails. With options such
/// as `-tls1_2`.
pub(crate) async fn handshake(base: &str, options: &[&str]) -> Option<String> {
    let address = base.split_once("://").map_or(base, |(_, address)| address);
    let mut client = Command::new("openssl");
    client
        .args(["s_client", "-connect", address])
        .args(options)
        .stdin(std::process::Stdio::null());
    let said = client.output().await.expect("there is an openssl");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let begin = said.find("-----BEGIN CERTIFICATE-----")?;
    let end = said.find("-----END CERTIFICATE-----")?;
    Some(said[begin..end].to_owned())
}
