//! Files: named by SHA-256, found by MD5 and SHA-1 too. The relationships are those of reference 4.1.

use std::sync::Arc;

use assay_model::privilege::Privilege;
use assay_model::record::{Facet, FacetName, Key, Record, Space};
use assay_model::{Error, FileHash, Kind, Link, Result, Sha256};
use assay_store::{Page, Range};
use serde_json::{Map, Value};

use super::related::{Member, same_facet};
use super::{ObjectType, Relationship, Source, Viewer, serve};
use crate::brokered;
use crate::report::View;
use crate::route::{Call, Reply, file_hash, parse_hash};

const TITLE: &str = "File";

/// The type.
pub const TYPE: ObjectType = ObjectType {
    kind: Kind::File,
    title: TITLE,
    id: "SHA-256, SHA-1 or MD5 of the file, hexadecimal",
    relationships: RELATIONSHIPS,
    locate: |viewer, id| Box::pin(locate(viewer, id)),
    attributes,
    more: None,
    more_in_lists: false,
    meta: None,
    links: None,
    schema: |generator| generator.subschema_for::<assay_model::file::Report>(),
    check: file_hash,
    needs: None,
    free: false,
};

/// Attributes that only `allinfo` shows.
const PREMIUM: &[&str] =
    &["capabilities_tags", "downloadable", "exiftool", "malware_config", "office_info", "openxml_info", "rtf_info"];

/// The SHA-256 of the file that a hash in a path names.
pub(crate) async fn resolve(viewer: &Viewer<'_>, id: &str) -> Result<Sha256> {
    let facet = match parse_hash(id)? {
        FileHash::Sha256(sha256) => return Ok(sha256),
        FileHash::Sha1(sha1) => Facet::new(FacetName::Sha1, sha1.to_string()),
        FileHash::Md5(md5) => Facet::new(FacetName::Md5, md5.to_string()),
    };
    let found = viewer.app.store().find(&Space::Shared, Kind::File, &facet, &Range::first(1)).await?;
    let name = found.items.first().and_then(|key| key.id.parse().ok());
    name.ok_or_else(|| Error::not_found(TITLE, id))
}

async fn locate(viewer: &Viewer<'_>, id: &str) -> Result<Arc<Record>> {
    let key = Key::shared(Kind::File, resolve(viewer, id).await?.to_string());
    viewer.app.store().read(&key).await?.ok_or_else(|| Error::not_found(TITLE, id))
}

/// All attributes of a file: what was found stands beside what happened to it.
pub(crate) fn report(record: &Record) -> Result<Map<String, Value>> {
    #[derive(serde::Deserialize)]
    struct Stored {
        attributes: Map<String, Value>,
        #[serde(default)]
        facts: Map<String, Value>,
    }
    let Stored { mut attributes, mut facts } = record.parse()?;
    if let Some(Value::Object(details)) = facts.remove("details") {
        facts.extend(details);
    }
    attributes.extend(facts);
    Ok(attributes)
}

fn attributes(record: &Record, viewer: &Viewer<'_>) -> Result<Map<String, Value>> {
    let mut attributes = report(record)?;
    attributes.insert("downloadable".to_owned(), true.into());
    if view(viewer) == View::Basic {
        take_premium(&mut attributes);
    }
    Ok(attributes)
}

/// Takes off the attributes that only `allinfo` shows.
pub(crate) fn take_premium(attributes: &mut Map<String, Value>) {
    attributes.retain(|name, _| !PREMIUM.contains(&name.as_str()));
}

pub(crate) fn view(viewer: &Viewer<'_>) -> View {
    if viewer.paid.has(Privilege::AllInfo) { View::Full } else { View::Basic }
}

/// `GET /files/{id}`: the look-up. A plain one is answered from text that is ready.
pub(crate) async fn get(call: Call) -> Result<Reply> {
    let viewer = call.viewer();
    let inline = serve::inline_names(&TYPE, &call.arguments)?;
    let located = locate(&viewer, call.arguments.path("id")).await;
    if let Some(reply) = brokered::object(&call, &TYPE, &located).await? {
        return Ok(reply);
    }
    let record = located?;
    let reply = brokered::mark_local(&call, answer(&call, &record, &inline).await?).await?;
    let first = match (call.app.first_reads.is_empty(), call.paid.identity(), record.key.id.parse::<Sha256>()) {
        (false, Some(identity), Ok(sha256)) => {
            call.app.first_reads.remove(&(identity.account.clone(), sha256)).is_some()
        }
        _ => false,
    };
    Ok(if first { reply.refunded() } else { reply })
}

async fn answer(call: &Call, record: &Arc<Record>, inline: &[&'static Relationship]) -> Result<Reply> {
    let viewer = call.viewer();
    let shaped = ["attributes", "exclude_attributes"].iter().any(|name| call.arguments.query(name).is_some());
    if !inline.is_empty() || shaped {
        return serve::whole(call, &TYPE, record, inline).await;
    }
    let render = || {
        let mut object = crate::envelope::descriptor(viewer.base, Kind::File, &record.key.id);
        object.insert("attributes".to_owned(), attributes(record, &viewer)?.into());
        Ok::<_, Error>(serde_json::json!({ "data": object }).to_string())
    };
    Ok(Reply::json(call.app.reports.text(record, view(&viewer), viewer.base, render)?))
}

/// Other files with the same structural hash.
async fn same_structure(viewer: &Viewer<'_>, record: &Record, range: &Range) -> Result<Page<Member>> {
    let attributes = report(record)?;
    let Some(vhash) = attributes.get("vhash").and_then(Value::as_str) else {
        return Ok(Page { items: Vec::new(), next: None, total: None });
    };
    same_facet(viewer, record, &Facet::new(FacetName::Vhash, vhash), range).await
}

/// How many files with the same hash are looked at; more than two are a curiosity.
const COLLISIONS: usize = 40;

/// Other files with the same MD5 or SHA-1.
async fn colliding(viewer: &Viewer<'_>, record: &Record, range: &Range) -> Result<Page<Member>> {
    let attributes = report(record)?;
    let mut keys = Vec::new();
    for (name, attribute) in [(FacetName::Md5, "md5"), (FacetName::Sha1, "sha1")] {
        let Some(hash) = attributes.get(attribute).and_then(Value::as_str) else { continue };
        let facet = Facet::new(name, hash);
        let page = viewer.app.store().find(&Space::Shared, Kind::File, &facet, &Range::first(COLLISIONS)).await?;
        keys.extend(page.items.into_iter().filter(|key| *key != record.key));
    }
    keys.sort_unstable();
    keys.dedup();
    let total = u64::try_from(keys.len()).ok();
    Ok(Page { items: keys.into_iter().take(range.limit).map(Member::plain).collect(), next: None, total })
}

#[rustfmt::skip]
const RELATIONSHIPS: &[Relationship] = &[
    Relationship::reverse("analyses", Link::Analysed, "Every analysis of the file, newest first").needs(Privilege::Private),
    Relationship::unobserved("behaviours", "file_behaviour", "What the file did in each sandbox"),
    Relationship::forward("bundled_files", Link::Bundles, "Files inside the file, when it is an archive or a document that is one"),
    Relationship::unobserved("carbonblack_children", "file", "Files that an endpoint agent saw the file write").needs(Privilege::Private),
    Relationship::unobserved("carbonblack_parents", "file", "Files that an endpoint agent saw writing the file").needs(Privilege::Private),
    Relationship::unobserved("ciphered_bundled_files", "file", "Files inside the file that are encrypted").needs(Privilege::Private),
    Relationship::unobserved("ciphered_parents", "file", "Encrypted archives with the file inside").needs(Privilege::Private),
    Relationship::unobserved("clues", "clue", "Hints on the file"),
    Relationship::unobserved("code_blocks", "code_block", "Blocks of the file's code"),
    Relationship::reverse("collections", Link::GathersFile, "Collections with the file in them"),
    Relationship::comments(Link::CommentsOnFile),
    Relationship::reverse("compressed_parents", Link::Bundles, "Archives with the file inside").needs(Privilege::Private),
    Relationship::forward("contacted_domains", Link::ContactsDomain, "Domains that the file talked to when it ran"),
    Relationship::forward("contacted_ips", Link::ContactsIp, "IP addresses that the file talked to when it ran"),
    Relationship::forward("contacted_urls", Link::ContactsUrl, "URLs that the file asked for when it ran"),
    Relationship::unobserved("distributors", "distributor", "Markets that ship the file"),
    Relationship::unobserved("dropped_files", "file", "Files that the file wrote when it ran"),
    Relationship::unobserved("email_attachments", "file", "Attachments of the file, when it is an e-mail").needs(Privilege::Private),
    Relationship::unobserved("email_parents", "file", "E-mails that the file is attached to").needs(Privilege::Private),
    Relationship::unobserved("email_senders", "email_sender", "Who sent e-mails with the file"),
    Relationship::forward("embedded_domains", Link::EmbedsDomain, "Domains in the file's text").needs(Privilege::Private),
    Relationship::forward("embedded_ips", Link::EmbedsIp, "IP addresses in the file's text").needs(Privilege::Private),
    Relationship::forward("embedded_urls", Link::EmbedsUrl, "URLs in the file's text").needs(Privilege::Private),
    Relationship::unobserved("execution_parents", "file", "Files that started the file"),
    Relationship::reverse("graphs", Link::ShowsFile, "Graphs with the file in them"),
    Relationship::unobserved("hash_collisions", "file", "Other files with the same MD5 or SHA-1").from(Source::Read(|viewer, record, range| Box::pin(colliding(viewer, record, range)))),
    Relationship::reverse("itw_domains", Link::DomainServed, "Domains that the file was downloaded from").needs(Privilege::Private),
    Relationship::reverse("itw_ips", Link::IpServed, "IP addresses that the file was downloaded from").needs(Privilege::Private),
    Relationship::reverse("itw_urls", Link::Served, "URLs that the file was downloaded from").needs(Privilege::Private),
    Relationship::unobserved("memory_pattern_domains", "domain", "Domains in the memory of the running file").needs(Privilege::Private),
    Relationship::unobserved("memory_pattern_ips", "ip_address", "IP addresses in the memory of the running file").needs(Privilege::Private),
    Relationship::unobserved("memory_pattern_urls", "url", "URLs in the memory of the running file").needs(Privilege::Private),
    Relationship::unobserved("overlay_children", "file", "Files in the file's overlay").needs(Privilege::Private),
    Relationship::unobserved("overlay_parents", "file", "Files with the file in their overlay").needs(Privilege::Private),
    Relationship::unobserved("pcap_children", "file", "Files in the file's network capture").needs(Privilege::Private),
    Relationship::unobserved("pcap_parents", "file", "Network captures with the file in them").needs(Privilege::Private),
    Relationship::forward("pe_resource_children", Link::PeResource, "Files in the file's PE resources"),
    Relationship::reverse("pe_resource_parents", Link::PeResource, "PE files with the file in their resources"),
    Relationship::reverse("references", Link::CitesFile, "Publications on the file").needs(Privilege::Private),
    Relationship::unobserved("related_attack_techniques", "attack_technique", "ATT&CK techniques around the file"),
    Relationship::unobserved("related_references", "reference", "Publications on what the file is related to"),
    Relationship::unobserved("related_threat_actors", "threat_actor", "Threat actors around the file"),
    Relationship::unobserved("screenshots", "screenshot", "Pictures of the file running").needs(Privilege::Private),
    Relationship::unobserved("sigma_analysis", "sigma_analysis", "The Sigma rules that the file's behaviour matched").one(),
    Relationship::unobserved("similar_files", "file", "Files of the same structure").from(Source::Read(|viewer, record, range| Box::pin(same_structure(viewer, record, range)))).needs(Privilege::Private),
    Relationship::reverse("submissions", Link::Submitted, "Every submission of the file, newest first").needs(Privilege::Private),
    Relationship::reverse("urls_for_embedded_js", Link::HoldsScript, "URLs that hold a script of the file").needs(Privilege::Private),
    Relationship::own_votes(),
    Relationship::reverse("votes", Link::VotesOnFile, "Votes on the file, newest first"),
    Relationship::unobserved("associations", "collection", "What the file is associated with"),
    Relationship::unobserved("attack_techniques", "attack_technique", "ATT&CK techniques of the file"),
    Relationship::unobserved("malware_families", "collection", "Malware families of the file"),
    Relationship::unobserved("software_toolkits", "collection", "Toolkits that the file belongs to"),
    Relationship::unobserved("campaigns", "collection", "Campaigns that used the file"),
    Relationship::unobserved("reports", "collection", "Reports with the file in them"),
    Relationship::unobserved("related_reports", "collection", "Reports around the file"),
    Relationship::unobserved("vulnerabilities", "collection", "Vulnerabilities that the file uses"),
];
