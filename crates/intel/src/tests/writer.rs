//! Writes databases in `MaxMind`'s form, for tests: networks and their records in, the file's bytes out.

use std::net::IpAddr;

use serde_json::{Value, json};

/// The types of values, as the specification numbers them.
const STRING: u8 = 2;
const UINT16: u8 = 5;
const UINT32: u8 = 6;
const MAP: u8 = 7;
const UINT64: u8 = 9;
const ARRAY: u8 = 11;

/// Stands for "nothing here" in a node under construction.
const NOTHING: Slot = Slot::Nothing;

#[derive(Clone, Copy)]
enum Slot {
    Nothing,
    Node(usize),
    Data(usize),
}

/// A database for both families, IPv4 under `::/96` as publishers have it.
pub(super) fn database(networks: &[(&str, Value)]) -> Vec<u8> {
    let (mut nodes, mut data) = (vec![[NOTHING; 2]], Vec::new());
    for (network, record) in networks {
        let (address, prefix) = network.split_once('/').expect("a network");
        let prefix: usize = prefix.parse().expect("a prefix");
        let (bits, prefix) = match address.parse().expect("an address") {
            IpAddr::V4(address) => (u128::from(address.to_bits()), prefix + 96),
            IpAddr::V6(address) => (address.to_bits(), prefix),
        };
        let place = data.len();
        encode(record, &mut data);
        let mut node = 0;
        for depth in 0..prefix {
            let side = usize::from(bits >> (127 - depth) & 1 == 1);
            if depth + 1 == prefix {
                nodes[node][side] = Slot::Data(place);
            } else if let Slot::Node(next) = nodes[node][side] {
                node = next;
            } else {
                nodes.push([NOTHING; 2]);
                nodes[node][side] = Slot::Node(nodes.len() - 1);
                node = nodes.len() - 1;
            }
        }
    }
    let count = nodes.len();
    let mut bytes = Vec::new();
    for slot in nodes.into_iter().flatten() {
        let value = match slot {
            Slot::Nothing => count,
            Slot::Node(node) => node,
            Slot::Data(place) => count + 16 + place,
        };
        bytes.extend(&u32::try_from(value).expect("small").to_be_bytes()[1..]);
    }
    bytes.extend([0; 16]);
    bytes.extend(data);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    let about = json!({
        "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1_700_000_000,
        "database_type": "Test", "description": {}, "ip_version": 6, "languages": [], "node_count": count, "record_size": 24,
    });
    encode(&about, &mut bytes);
    bytes
}

/// A value as the data section has it.
fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::String(text) => {
            begin(STRING, text.len(), out);
            out.extend(text.as_bytes());
        }
        Value::Number(number) => {
            let number = u32::try_from(number.as_u64().expect("a natural number")).expect("small");
            begin(UINT32, 4, out);
            out.extend(number.to_be_bytes());
        }
        Value::Object(fields) => {
            begin(MAP, fields.len(), out);
            for (name, value) in fields {
                encode(&Value::String(name.clone()), out);
                encode_field(name, value, out);
            }
        }
        Value::Array(values) => {
            begin(ARRAY, values.len(), out);
            for value in values {
                encode(value, out);
            }
        }
        other => panic!("{other} is in no test"),
    }
}

/// A field of a map: the numbers about a database have types of their own, and readers insist on them.
fn encode_field(name: &str, value: &Value, out: &mut Vec<u8>) {
    let number = value.as_u64();
    match (name, number) {
        (
            "binary_format_major_version" | "binary_format_minor_version" | "ip_version" | "record_size",
            Some(number),
        ) => {
            begin(UINT16, 2, out);
            out.extend(u16::try_from(number).expect("small").to_be_bytes());
        }
        ("build_epoch", Some(number)) => {
            begin(UINT64, 8, out);
            out.extend(number.to_be_bytes());
        }
        _ => encode(value, out),
    }
}

/// The control byte: the type in three bits, or 0 and what it is beyond seven in a byte of its own; then the size in five
/// bits, or 29 and what it is beyond that in a byte of its own.
fn begin(kind: u8, size: usize, out: &mut Vec<u8>) {
    let (short, beyond) = match u8::try_from(size).expect("longer values are in no test") {
        size @ 0..29 => (size, None),
        size => (29, Some(size - 29)),
    };
    if kind <= MAP {
        out.push(kind << 5 | short);
    } else {
        out.extend([short, kind - MAP]);
    }
    out.extend(beyond);
}
