//! onelane: in one of its modes, or as blocking lanes behind nginx or `HAProxy`.

use onelane_lab::front::Front;
use onelane_lab::nginx::Limits;
use onelane_lab::onelane;
use onelane_lab::server::{Server, free_address};

use super::tools::Tools;
use super::{Running, Terms};

/// With settings beyond what the terms say.
pub(super) fn mode(
    tools: &Tools,
    mode: &str,
    further: &[&str],
    terms: Terms,
) -> Result<Running, String> {
    let program = tools.lane(terms.work)?;
    let mut args = settings(terms);
    args.extend(further.iter().copied().map(str::to_owned));
    // Blocking has one slot and accepts no other number.
    if mode != "blocking" {
        args.extend(["--slots".to_owned(), terms.slots.to_string()]);
    }
    let admin = free_address();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut server = onelane::spawn(program, mode, admin, &args)?;
    server.ready()?;
    let mut running = Running::of(server);
    running.admins = vec![admin];
    Ok(running)
}

/// As many blocking lanes as there are slots.
pub(super) fn behind(tools: &Tools, front: Front, terms: Terms) -> Result<Running, String> {
    let program = tools.front(front)?;
    let mut running = start(tools, terms)?;
    let lanes: Vec<_> = running.servers.iter().map(Server::address).collect();
    let (server, dir) = front.start(program, terms.limits, &lanes)?;
    running.address = server.address();
    running.servers.insert(0, server);
    running.dirs.push(dir);
    Ok(running)
}

/// As many blocking lanes as there are slots, with nothing in front.
fn start(tools: &Tools, terms: Terms) -> Result<Running, String> {
    let program = tools.lane(terms.work)?;
    let args = settings(terms);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut running: Option<Running> = None;
    for _ in 0..terms.slots {
        let admin = free_address();
        let server = onelane::spawn(program, "blocking", admin, &args)?;
        match &mut running {
            None => {
                let mut first = Running::of(server);
                first.admins.push(admin);
                running = Some(first);
            }
            Some(running) => {
                running.servers.push(server);
                running.admins.push(admin);
            }
        }
    }
    let mut running = running.ok_or("no lane was asked for")?;
    for server in &mut running.servers {
        server.ready()?;
    }
    Ok(running)
}

fn settings(terms: Terms) -> Vec<String> {
    let deadline = format!("{}s", terms.deadline_seconds);
    let mut args = vec!["--request-timeout", &deadline];
    if terms.limits == Limits::Lifted {
        args.extend(["--queue-max", "100000", "--queue-timeout", "120s"]);
    }
    args.into_iter().map(str::to_owned).collect()
}
