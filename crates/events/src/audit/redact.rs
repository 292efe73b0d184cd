//! The guard before the audit log: whatever looks like a secret does not get in. In goes what a caller wants to log, out
//! comes the same with `[redacted]` in place of secrets.
//!
//! A run of 64 or more hexadecimal digits is a key, a webhook's secret begins with `whsec_`, and the value of a member
//! that is named after a secret is one.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// The digits of a key.
const KEY: usize = 64;
const WEBHOOK_SECRET: &str = "whsec_";
/// Words that name a secret, wherever they stand in a member's name.
const NAMES: [&str; 5] = ["secret", "password", "passphrase", "token", "apikey"];

/// A text without secrets.
pub fn text(text: &str) -> Cow<'_, str> {
    let mut kept = String::new();
    let mut rest = text;
    let mut copied = false;
    while let Some((start, end)) = next_secret(rest) {
        copied = true;
        kept.push_str(&rest[..start]);
        kept.push_str(REDACTED);
        rest = &rest[end..];
    }
    if !copied {
        return Cow::Borrowed(text);
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// A value without secrets. Fractions become text, because programs write them in different ways and the log's hash has
/// to be the same everywhere.
pub fn value(value: Value) -> Value {
    match value {
        Value::String(one) => match text(&one) {
            Cow::Borrowed(_) => Value::String(one),
            Cow::Owned(redacted) => Value::String(redacted),
        },
        Value::Number(number) if number.is_f64() => Value::String(number.to_string()),
        Value::Array(items) => items.into_iter().map(self::value).collect(),
        Value::Object(members) => Value::Object(members.into_iter().map(member).collect::<Map<_, _>>()),
        other => other,
    }
}

fn member((name, content): (String, Value)) -> (String, Value) {
    let plain: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let content = match content {
        Value::String(_) if NAMES.iter().any(|word| plain.contains(word)) => REDACTED.into(),
        content => value(content),
    };
    (text(&name).into_owned(), content)
}

/// Where the first secret of a text starts and ends.
fn next_secret(text: &str) -> Option<(usize, usize)> {
    let webhook = text.find(WEBHOOK_SECRET).map(|start| {
        let rest = &text[start + WEBHOOK_SECRET.len()..];
        let of_secret = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=');
        (start, text.len() - rest.trim_start_matches(of_secret).len())
    });
    [webhook, next_key(text)].into_iter().flatten().min()
}

fn next_key(text: &str) -> Option<(usize, usize)> {
    let mut start = 0;
    for run in text.split(|c: char| !c.is_ascii_hexdigit()) {
        if run.len() >= KEY {
            return Some((start, start + run.len()));
        }
        start += run.len();
        start += text[start..].chars().next().map_or(0, char::len_utf8);
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_and_secrets_of_webhooks_are_cut_out_wherever_they_stand() {
        let key = "a55a".repeat(16);
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/==";
        assert_eq!(text(&key), REDACTED);
        assert_eq!(text(&key.to_uppercase()), REDACTED);
        assert_eq!(text(&format!("/users/{key}/api_usage")), "/users/[redacted]/api_usage");
        assert_eq!(text(&format!("ü{key}0ü{secret}, {key}.")), "ü[redacted]ü[redacted], [redacted].");
        assert_eq!(text(secret), REDACTED);
    }

    #[test]
    fn what_is_shorter_than_a_key_stays() {
        for harmless in ["alice", "0123456789ab", &"f".repeat(63), "", "é", "whsec"] {
            assert_eq!(text(harmless), harmless);
        }
    }

    #[test]
    fn secrets_are_found_at_any_depth_and_by_the_name_of_their_member() {
        let key = "0".repeat(64);
        let logged = value(json!({
            "label": "siem", "api_key": { "list": [1, true, null, &key] }, &key: 1, "client_secret": "s3cr3t",
            "Password": "hunter2", "api-key": "x", "has_secret": false, "quota": 0.5,
        }));
        let expected = json!({
            "label": "siem", "api_key": { "list": [1, true, null, REDACTED] }, REDACTED: 1,
            "client_secret": REDACTED, "Password": REDACTED, "api-key": REDACTED, "has_secret": false, "quota": "0.5",
        });
        assert_eq!(logged, expected);
        assert!(!logged.to_string().contains(&key));
    }
}
