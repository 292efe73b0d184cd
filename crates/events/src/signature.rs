//! How a delivery is signed, so that its receiver knows whose it is: symmetric signatures of the Standard Webhooks
//! specification (standardwebhooks.com, version 1.0.0). The signed text is `id.timestamp.body`.

use assay_model::random::Random;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What the text of a secret begins with.
pub const PREFIX: &str = "whsec_";
const LENGTH: usize = 32;

/// A fresh secret, as the text that its receiver is given: `whsec_` and base64 of 32 random bytes.
pub fn generate(random: &dyn Random) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; LENGTH]);
    random.fill(&mut *bytes);
    let mut text = Zeroizing::new(String::with_capacity(64));
    text.push_str(PREFIX);
    BASE64.encode_string(bytes.as_slice(), &mut text);
    text
}

/// The value of `webhook-signature`; none where the secret's text is no secret.
pub fn sign(secret: &str, id: &str, timestamp: i64, body: &str) -> Option<String> {
    let key = BASE64.decode(secret.strip_prefix(PREFIX)?).map(Zeroizing::new).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use assay_model::random::Counting;

    use super::*;

    #[test]
    fn a_signature_is_the_one_that_the_specifications_own_library_makes() {
        // By `standardwebhooks` 1.1.0 for Python: Webhook(secret).sign(id, timestamp, body).
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = r#"{"type":"key.created","data":{"label":"Überwachung"}}"#;
        let signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body).expect("a secret");
        assert_eq!(signature, "v1,e3LIcbS0GPYa3qoHeXTmT/h1qt8VxXNKR6F5YJM6qDk=");
    }

    #[test]
    fn a_secret_is_32_bytes_of_base64_behind_its_prefix_and_never_the_same() {
        let random = Counting::default();
        let (one, other) = (generate(&random), generate(&random));
        assert_ne!(one, other);
        assert_eq!(BASE64.decode(one.strip_prefix(PREFIX).expect("the prefix")).expect("base64").len(), LENGTH);
    }

    #[test]
    fn what_is_no_secret_signs_nothing() {
        assert_eq!(sign("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "id", 1, ""), None);
        assert_eq!(sign("whsec_?", "id", 1, ""), None);
    }
}
