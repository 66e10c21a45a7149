//! The commands that stand beside the buttons.

use tokio::process::Command;

use crate::alone::Lane;
use crate::browser::Browser;
use crate::common::{output, skip};
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
    let lane = Lane::start(&["--mode", "threads", "--slots", "12"]);
    let Some(browser) = Browser::open(&format!("http://{}/", lane.listen)).await else {
        return;
    };
    browser
        .js("document.querySelector('#any').path.value = `/prime?number=15&method='sqrt'`")
        .await;
    let shown =
        "return [...document.querySelectorAll('.curl code')].map((code) => code.textContent)";
    let commands = browser.js(shown).await;
    let command = |at: usize| commands[at].as_str().expect("a command").to_owned();
    assert!(command(0).ends_with("/prime?number=29355126551'"));

    for (at, answers) in [(1, 1), (2, 12), (3, 6)] {
        let said = output(Command::new("sh").args(["-c", &command(at)])).await;
        assert_eq!(said.lines().count(), answers, "{said}");
        assert!(
            said.lines().all(|line| line.contains("\"elapsed_ms\":")),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_command_follows_its_fields_and_nothing_in_them_leaves_the_quotes() {
    let lane = Lane::start(&PATIENT);
    let Some(browser) = Browser::open(&format!("http://{}/", lane.listen)).await else {
        return;
    };

    browser.send("/it's; echo $HOME?it's `id`", 2).await;

    let shown = browser
        .text("return document.querySelector('#any code').textContent")
        .await;
    let expected = format!(
        "seq 2 | xargs -P 2 -I{{}} curl -s 'http://{}/it%27s;%20echo%20$HOME?it%27s%20`id`'",
        lane.listen
    );
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn a_command_can_be_copied() {
    let lane = Lane::start(&PATIENT);
    let Some(browser) = Browser::open(&format!("http://{}/", lane.listen)).await else {
        return;
    };
    let button = "[aria-label='Copy the curl command of: 2. Is 7 a prime?']";

    browser.press(button).await;

    browser
        .until(&format!(
            "document.querySelector(`{button}`).textContent === 'Copied'"
        ))
        .await;
}
