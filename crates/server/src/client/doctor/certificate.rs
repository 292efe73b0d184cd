//! What a person wants to know of a certificate: for whom, by whom, until when.

use std::net::IpAddr;

use assay_model::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::finding::{Chart, Step};

const DAY: i64 = 86_400;

/// How many days before the end of a certificate somebody should know.
const SOON: i64 = 21;

/// What an authority that `assay serve --tls self-signed` makes calls itself.
const ASSAY: &str = "Assay self-signed authority";

/// The facts of one certificate.
pub(super) struct Facts {
    /// Whom it is for, as it says itself.
    pub(super) subject: String,
    /// Who signed it.
    pub(super) issuer: String,
    names: Vec<String>,
    begin: i64,
    end: i64,
}

impl Facts {
    /// Reads them; None where it is no certificate.
    pub(super) fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let alternatives = certificate.subject_alternative_name().ok().flatten();
        let names = alternatives.map(|names| names.value.general_names.iter().filter_map(name).collect());
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: names.unwrap_or_default(),
            begin: certificate.validity().not_before.timestamp(),
            end: certificate.validity().not_after.timestamp(),
        })
    }

    pub(super) fn is_self_signed(&self) -> bool {
        self.subject == self.issuer
    }

    pub(super) fn is_from_assay(&self) -> bool {
        self.issuer.contains(ASSAY)
    }

    /// The names that it may be shown for.
    pub(super) fn names(&self) -> String {
        if self.names.is_empty() { "no name at all".to_owned() } else { self.names.join(", ") }
    }

    /// Since when or until when, in words.
    pub(super) fn validity(&self, now: i64) -> String {
        let date = |at| Timestamp(at).text();
        if now < self.begin {
            format!("the certificate is not valid before {} UTC", date(self.begin))
        } else if now > self.end {
            format!("the certificate expired on {} UTC", date(self.end))
        } else {
            format!("good until {} UTC", date(self.end))
        }
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let sixteen = <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
            four.or(sixteen).ok().map(|ip| ip.to_string())
        }
        _ => None,
    }
}

/// Warns where the end is near.
pub(super) fn tell_of_expiry(facts: &Facts, now: i64, chart: &mut Chart) {
    let days = (facts.end - now) / DAY;
    if days < SOON {
        chart.warning(
            Step::Tls,
            format!("the certificate ends in {days} days"),
            "Renew it; a server with `--tls CERTIFICATE,KEY` reads it at its start.",
        );
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::super::finding::Grade;
    use super::*;

    fn certificate(days: i64) -> (CertificateDer<'static>, i64) {
        let mut params =
            CertificateParams::new(vec!["assay.example".to_owned(), "10.0.0.1".to_owned()]).expect("names");
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        let now = params.not_before.unix_timestamp() + 100 * DAY;
        params.not_after =
            params.not_before + std::time::Duration::from_secs((100 + days).unsigned_abs() * DAY.unsigned_abs());
        let key = KeyPair::generate().expect("a key");
        (params.self_signed(&key).expect("a certificate").der().clone(), now)
    }

    #[test]
    fn names_signer_and_end_are_read() {
        let (der, now) = certificate(90);
        let facts = Facts::read(&der).expect("a certificate");
        assert!(facts.is_self_signed());
        assert_eq!(facts.names(), "assay.example, 10.0.0.1");
        assert_eq!(facts.validity(now), "good until 2026-07-10 00:00:00 UTC");
        assert!(facts.validity(now + 91 * DAY).contains("expired on"));
        assert!(facts.validity(now - 101 * DAY).contains("not valid before"));
        assert!(Facts::read(&CertificateDer::from(vec![1, 2, 3])).is_none());
    }

    #[test]
    fn a_certificate_that_ends_soon_is_a_warning() {
        for (days, expected) in [(20, vec![Grade::Warning]), (22, vec![])] {
            let (der, now) = certificate(days);
            let mut chart = Chart::new(Box::new(|_| ()));
            tell_of_expiry(&Facts::read(&der).expect("a certificate"), now, &mut chart);
            let grades: Vec<_> = chart.into_findings().iter().map(|finding| finding.grade).collect();
            assert_eq!(grades, expected, "{days}");
        }
    }
}
