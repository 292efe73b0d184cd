//! The values of a tree that a path names.

use crate::place::{Format, Pick, Place, Step};
use crate::tree::{Leaf, Node, TEXT};

/// A value that a path leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot<'a> {
    /// The value that it stands in.
    pub(crate) leaf: &'a Leaf,
    /// How it stands in it.
    pub(crate) wrapping: Wrapping<'a>,
}

/// How a value stands in the text of a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapping<'a> {
    /// It is the text.
    None,
    /// Behind `NAME=`.
    Named(&'a str),
    /// In base64.
    Base64,
}

/// What a path leads to: values, and whether it also led to something that is no text.
#[derive(Debug, Default)]
pub(crate) struct Found<'a> {
    pub(crate) slots: Vec<Slot<'a>>,
    pub(crate) others: bool,
}

impl<'a> Found<'a> {
    fn take(&mut self, node: &'a Node, wrapping: Wrapping<'a>) {
        match node {
            Node::Leaf(leaf) if leaf.kind != crate::tree::Kind::Other => self.slots.push(Slot { leaf, wrapping }),
            Node::Map(_) if node.children(TEXT).next().is_some() => {
                node.children(TEXT).for_each(|text| self.take(text, wrapping));
            }
            Node::Leaf(_) | Node::Map(_) | Node::List(_) => self.others = true,
        }
    }
}

/// Follows the path from the document's roots.
pub(crate) fn select<'a>(roots: &'a [Node], place: &'a Place) -> Found<'a> {
    let mut found = Found::default();
    match (place.format, place.steps.as_slice()) {
        (Format::Kubernetes, [secret, key]) => {
            for root in roots {
                manifest(root, &secret.name, &key.name, &mut found);
            }
        }
        (_, []) => roots.iter().for_each(|root| found.take(root, Wrapping::None)),
        (_, [steps @ .., last]) => {
            let mut nodes: Vec<&Node> = roots.iter().collect();
            for step in steps {
                nodes = follow(&nodes, step);
            }
            for node in follow(&nodes, last) {
                found.take(node, Wrapping::None);
            }
            for node in &nodes {
                named(node, last, &mut found);
            }
        }
    }
    found
}

/// One step on from each of these.
fn follow<'a>(nodes: &[&'a Node], step: &'a Step) -> Vec<&'a Node> {
    let mut next: Vec<&Node> = if step.name.is_empty() {
        nodes.to_vec()
    } else {
        nodes.iter().flat_map(|node| node.children(&step.name)).collect()
    };
    for pick in &step.picks {
        let items = |node: &'a Node| match node {
            Node::List(items) => items.iter().collect(),
            Node::Leaf(_) | Node::Map(_) => vec![node],
        };
        let all: Vec<&Node> = next.into_iter().flat_map(items).collect();
        next = match pick {
            Pick::Index(index) => all.get(*index).copied().into_iter().collect(),
            Pick::Having(name, value) => all.into_iter().filter(|node| has(node, name, value)).collect(),
        };
    }
    next
}

fn has(node: &Node, name: &str, value: &str) -> bool {
    node.children(name).any(|child| child.text() == Some(value))
}

/// Texts `NAME=value` of a list.
fn named<'a>(node: &'a Node, step: &'a Step, found: &mut Found<'a>) {
    let Node::List(items) = node else { return };
    for item in items {
        if let Node::Leaf(leaf) = item
            && leaf.value.trim_start().strip_prefix(step.name.as_str()).is_some_and(|rest| rest.starts_with('='))
            && step.picks.is_empty()
        {
            found.take(item, Wrapping::Named(&step.name));
        }
    }
}

/// The values of a Secret, or of the Secrets of a List.
fn manifest<'a>(node: &'a Node, secret: &str, key: &'a str, found: &mut Found<'a>) {
    match node.said("kind") {
        Some("Secret") => {
            let name = node.children("metadata").find_map(|metadata| metadata.said("name"));
            if secret.is_empty() || name == Some(secret) {
                for (part, wrapping) in [("data", Wrapping::Base64), ("stringData", Wrapping::None)] {
                    let values = node.children(part).flat_map(|part| part.children(key));
                    values.for_each(|value| found.take(value, wrapping));
                }
            }
        }
        Some("List") => {
            for items in node.children("items") {
                if let Node::List(items) = items {
                    for item in items {
                        manifest(item, secret, key, found);
                    }
                }
            }
        }
        _ => {}
    }
}
