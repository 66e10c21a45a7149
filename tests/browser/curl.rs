//! The commands that stand beside the buttons.

use onelane_stack::{output, skip};
use tokio::process::Command;

use crate::alone;
use crate::browser::Browser;
use crate::page::PATIENT;

#[tokio::test]
async fn each_command_does_what_its_button_does() {
    if Command::new("curl")
        .arg("--version")
        .output()
        .await
        .is_err()
    {
        return skip("there is no curl");
    }
    let lane = alone::start(&["--mode", "threads", "--slots", "12"]);
    let Some(browser) = Browser::open(&format!("http://{}/", lane.listen)).await else {
        return;
    };
    browser.fill("/sleep?ms=1&for='it'", 6).await;
    let shown =
        "return [...document.querySelectorAll('.curl code')].map((code) => code.textContent)";
    let commands = browser.js(shown).await;
    let commands = commands.as_array().expect("a list").iter();
    let commands: Vec<_> = commands
        .map(|command| command.as_str().expect("a text"))
        .collect();
    let command = |of: &str| {
        commands
            .iter()
            .find(|command| command.contains(of))
            .expect("one of that")
    };

    for (of, answers) in [("/fast'", 1), ("/wait?ms=300'", 12), ("/sleep?ms=1&", 6)] {
        let said = output(Command::new("sh").args(["-c", command(of)])).await;
        assert_eq!(said.lines().count(), answers, "{said}");
        assert!(!said.contains("\"reason\""), "{said}");
    }
}

#[tokio::test]
async fn a_command_follows_its_fields_and_nothing_in_them_leaves_the_quotes() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = Browser::open(&format!("http://{}/", lane.listen)).await else {
        return;
    };

    browser.send("/it's; echo $HOME?it's `id`{}", 2).await;

    let shown = browser
        .text("return document.querySelector('#any code').textContent")
        .await;
    let expected = format!(
        "seq 2 | xargs -P 2 -I{{}} curl -s 'http://{}/it%27s;%20echo%20$HOME?it%27s%20%60id%60%7B%7D'",
        lane.listen
    );
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn a_command_can_be_copied() {
    let lane = alone::start(&PATIENT);
    let Some(browser) = Browser::open(&format!("http://{}/", lane.listen)).await else {
        return;
    };
    let button = "[aria-label='Copy the curl command of: Nothing at all']";

    browser.press(button).await;

    browser
        .until(&format!(
            "document.querySelector(`{button}`).textContent === 'Copied'"
        ))
        .await;
}
