//! A web page: its title, meta data, links, what it loads, who watches its visitors. In go the bytes, the URL that they
//! came from and what the server said of their type; out comes [`Page`], with every address in it made absolute.
//!
//! The page is read as a stream of tags, by the tokenisation of the WHATWG HTML standard; scripts are not run.

use std::collections::BTreeMap;

use encoding_rs::{Encoding, UTF_8};
use html5gum::{DefaultEmitter, Token, Tokenizer};
use url::Url;

mod trackers;

pub use trackers::Tracked;

/// What is kept of a page at the most.
const LINKS: usize = 1000;
const LOADED: usize = 500;
const NAMES: usize = 100;
const VALUES: usize = 10;
const TEXT: usize = 1024;
/// A longer address is left out.
const ADDRESS: usize = 4096;
/// How far into a page its own word on its encoding is looked for (the standard's number).
const PRESCAN: usize = 1024;
/// How much of the scripts in a page is searched for trackers.
const SCRIPTS: usize = 1 << 20;
/// How many of them are kept; a shorter one is not worth it, a longer one is left out.
const SCRIPTS_KEPT: usize = 10;
const SCRIPT_SHORTEST: usize = 64;
const SCRIPT_LONGEST: usize = 512 << 10;
/// What a script's `type` says that browsers run, beside nothing.
const SCRIPT_TYPES: &[&str] =
    &["module", "text/javascript", "application/javascript", "text/ecmascript", "application/ecmascript"];

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Its title.
    pub title: Option<String>,
    /// Its meta data, by name in lower case.
    pub meta: BTreeMap<String, Vec<String>>,
    /// Where it links to.
    pub links: Vec<String>,
    /// What it loads: scripts, styles, pictures, frames.
    pub loaded: Vec<String>,
    /// Its icon, where it names one.
    pub icon: Option<String>,
    /// Where it sends its readers on to by itself.
    pub refresh: Option<String>,
    /// Who watches its visitors, by maker.
    pub trackers: Vec<Tracked>,
    /// The scripts that stand in it, each once.
    pub scripts: Vec<String>,
}

/// Reads a page. `content_type` is the header's.
pub fn read(bytes: &[u8], from: &Url, content_type: Option<&str>) -> Page {
    let (text, ..) = encoding(bytes, content_type).decode(bytes);
    let mut reader = Reader {
        base: from.clone(),
        page: Page::default(),
        inside: Inside::Page,
        scripts: String::new(),
        script: None,
    };
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    for Ok(token) in Tokenizer::new_with_emitter(&*text, emitter) {
        match token {
            Token::StartTag(tag) => {
                let attribute = |name: &str| {
                    let value = tag.attributes.iter().find(|(key, _)| key.as_slice() == name.as_bytes());
                    value.map(|(_, value)| String::from_utf8_lossy(value).trim().to_owned())
                };
                reader.open(&tag.name, &attribute);
            }
            Token::EndTag(_) => reader.close(),
            Token::String(text) => reader.text(&String::from_utf8_lossy(&text)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    reader.finish()
}

/// What a page is written in: by the header, else by its own word, else UTF-8.
fn encoding(bytes: &[u8], content_type: Option<&str>) -> &'static Encoding {
    let after = |text: &str| {
        let (_, rest) = text.split_once("charset=")?;
        let label = rest.trim_start_matches(['"', '\'', ' ']).split(['"', '\'', ';', ' ', '>', '/']).next()?;
        Encoding::for_label(label.as_bytes())
    };
    let own = || {
        let head = bytes.get(..PRESCAN).unwrap_or(bytes);
        after(&String::from_utf8_lossy(head).to_ascii_lowercase())
    };
    content_type.and_then(|text| after(&text.to_ascii_lowercase())).or_else(own).unwrap_or(UTF_8)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Page,
    Title,
    Script,
}

struct Reader {
    base: Url,
    page: Page,
    inside: Inside,
    scripts: String,
    /// What was read of a script that is run.
    script: Option<String>,
}

impl Reader {
    fn close(&mut self) {
        self.inside = Inside::Page;
        let script = self.script.take().filter(|script| script.trim().len() >= SCRIPT_SHORTEST);
        let Some(script) = script.filter(|script| script.len() <= SCRIPT_LONGEST) else { return };
        if self.page.scripts.len() < SCRIPTS_KEPT && !self.page.scripts.contains(&script) {
            self.page.scripts.push(script);
        }
    }

    fn open(&mut self, name: &[u8], attribute: &impl Fn(&str) -> Option<String>) {
        self.close();
        match name {
            b"title" if self.page.title.is_none() => self.inside = Inside::Title,
            b"base" => {
                if let Some(base) = attribute("href").and_then(|href| self.absolute(&href)) {
                    self.base = base;
                }
            }
            b"meta" => self.meta(attribute),
            b"a" | b"area" => {
                let link = attribute("href").and_then(|href| self.absolute(&href));
                keep(&mut self.page.links, link, LINKS);
            }
            b"link" => {
                let rel = attribute("rel").unwrap_or_default().to_ascii_lowercase();
                let href = attribute("href").and_then(|href| self.absolute(&href));
                let has = |wanted: &str| rel.split_ascii_whitespace().any(|word| word == wanted);
                if has("icon") && self.page.icon.is_none() {
                    self.page.icon = href.map(String::from);
                } else if has("stylesheet") {
                    keep(&mut self.page.loaded, href, LOADED);
                }
            }
            b"script" | b"img" | b"iframe" | b"frame" | b"embed" | b"source" | b"video" | b"audio" => {
                if name == b"script" {
                    self.inside = Inside::Script;
                    let kind = attribute("type").unwrap_or_default().to_ascii_lowercase();
                    let runs = kind.is_empty() || SCRIPT_TYPES.contains(&kind.as_str());
                    self.script = (runs && attribute("src").is_none()).then(String::new);
                }
                let source = attribute("src").and_then(|src| self.absolute(&src));
                keep(&mut self.page.loaded, source, LOADED);
            }
            _ => {}
        }
    }

    fn meta(&mut self, attribute: &impl Fn(&str) -> Option<String>) {
        let content = attribute("content").unwrap_or_default();
        if attribute("http-equiv").is_some_and(|what| what.eq_ignore_ascii_case("refresh")) {
            let target = content.split_once('=').filter(|(before, _)| before.to_ascii_lowercase().contains("url"));
            let target = target.map(|(_, url)| url.trim().trim_matches(['"', '\'']));
            self.page.refresh = target.and_then(|url| self.absolute(url)).map(String::from);
        }
        let Some(name) = attribute("name").or_else(|| attribute("property")) else { return };
        let name = cut(&name.to_ascii_lowercase());
        let full = self.page.meta.len() >= NAMES && !self.page.meta.contains_key(&name);
        if name.is_empty() || full {
            return;
        }
        let values = self.page.meta.entry(name).or_default();
        if values.len() < VALUES {
            values.push(cut(&content));
        }
    }

    fn text(&mut self, text: &str) {
        match self.inside {
            Inside::Title => {
                let title = self.page.title.get_or_insert_default();
                *title = cut(&format!("{title}{text}"));
            }
            Inside::Script => {
                if self.scripts.len() < SCRIPTS {
                    self.scripts.push_str(text);
                }
                if let Some(script) = self.script.as_mut().filter(|script| script.len() <= SCRIPT_LONGEST) {
                    script.push_str(text);
                }
            }
            Inside::Page => {}
        }
    }

    /// An address of the web, made absolute.
    fn absolute(&self, text: &str) -> Option<Url> {
        if text.len() > ADDRESS {
            return None;
        }
        self.base
            .join(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.as_str().len() <= ADDRESS)
    }

    fn finish(mut self) -> Page {
        let title = self.page.title.take().map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "));
        self.page.title = title.filter(|title| !title.is_empty());
        self.close();
        self.page.trackers = trackers::find(&self.page.loaded, &self.scripts);
        self.page
    }
}

fn keep(list: &mut Vec<String>, url: Option<Url>, limit: usize) {
    let Some(mut url) = url.filter(|_| list.len() < limit) else { return };
    url.set_fragment(None);
    let text = String::from(url);
    if !list.contains(&text) {
        list.push(text);
    }
}

/// Not longer than what is kept.
fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT);
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
