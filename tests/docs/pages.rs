//! The pages, taken apart: every Markdown file that git knows or would take.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fs, mem};

use onelane_tree::{files, root};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A page.
#[derive(Default)]
pub struct Page {
    /// From the top of the tree.
    pub path: PathBuf,
    /// The targets of its links, as they are written.
    pub links: Vec<String>,
    /// The names that its headings have as targets of links, as GitHub makes them.
    pub anchors: Vec<String>,
    /// What is set as code within a line.
    pub spans: Vec<String>,
    /// The lines of its blocks of shell commands.
    pub shell: Vec<String>,
}

/// Every page but the history: what that names was there once.
pub fn all() -> Vec<Page> {
    let paths = files().into_iter().map(PathBuf::from);
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .filter(|path| !path.ends_with("CHANGELOG.md") && root().join(path).exists())
        .map(|path| read(&path))
        .collect()
}

fn read(path: &Path) -> Page {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let mut page = Page {
        path: path.to_owned(),
        ..Page::default()
    };
    let mut seen = HashMap::new();
    let (mut heading, mut in_heading, mut in_shell) = (String::new(), false, false);
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.into_string());
            }
            Event::Html(html) | Event::InlineHtml(html) => page.links.extend(pictures(&html)),
            Event::Start(Tag::Heading { .. }) => in_heading = true,
            Event::End(TagEnd::Heading(_)) => {
                in_heading = false;
                page.anchors
                    .push(anchor(&mem::take(&mut heading), &mut seen));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                in_shell = ["sh", "bash", "console"].contains(&&*language);
            }
            Event::End(TagEnd::CodeBlock) => in_shell = false,
            Event::Text(text) if in_shell => page.shell.extend(text.lines().map(str::to_owned)),
            Event::Text(text) if in_heading => heading.push_str(&text),
            Event::Code(code) => {
                if in_heading {
                    heading.push_str(&code);
                }
                page.spans.push(code.into_string());
            }
            _ => {}
        }
    }
    page
}

/// The files that `<img>` and `<source>` show.
fn pictures(html: &str) -> Vec<String> {
    ["src=\"", "srcset=\""]
        .iter()
        .flat_map(|attribute| html.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

/// GitHub's rule: lower case, letters, digits, `-` and `_` stay, a space becomes `-`; the second of a name gets `-1`.
fn anchor(heading: &str, seen: &mut HashMap<String, usize>) -> String {
    let name: String = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect();
    let before = seen.entry(name.clone()).or_insert(0);
    *before += 1;
    if *before == 1 {
        name
    } else {
        format!("{name}-{}", *before - 1)
    }
}
