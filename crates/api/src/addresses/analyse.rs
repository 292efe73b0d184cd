//! `POST /{urls,domains,ip_addresses}/{id}/analyse`: the address is looked at again. A URL must be known, because its id
//! does not say what it is; a domain or an IP address may be new.

use assay_model::address::Item;
use assay_model::record::Key;
use assay_model::url::{CanonicalUrl, UrlName};
use assay_model::{Error, Kind, Result};

use crate::envelope;
use crate::objects::{domain, ip_address, url};
use crate::route::{Call, Reply};

/// `POST /urls/{id}/analyse`.
pub(crate) async fn url(call: Call) -> Result<Reply> {
    let id = call.arguments.path("id");
    let name = url::parse(&call.arguments)?;
    let key = Key::shared(Kind::Url, name.id().to_string());
    let record = call.app.store().read(&key).await?.ok_or_else(|| Error::not_found("URL", id))?;
    let known = match name {
        UrlName::Url(known) => known,
        UrlName::Id(_) => url::text(&record)?.parse::<CanonicalUrl>().map_err(|cause| {
            Error::new(assay_model::Code::Internal, "a stored URL could not be read").because(cause)
        })?,
    };
    again(&call, &Item::Url(known)).await
}

/// `POST /domains/{id}/analyse`.
pub(crate) async fn domain(call: Call) -> Result<Reply> {
    let item = Item::Domain(domain::parse(call.arguments.path("id"))?);
    again(&call, &item).await
}

/// `POST /ip_addresses/{id}/analyse`.
pub(crate) async fn ip_address(call: Call) -> Result<Reply> {
    let item = Item::IpAddress(ip_address::parse(call.arguments.path("id"))?);
    again(&call, &item).await
}

async fn again(call: &Call, item: &Item) -> Result<Reply> {
    let analysed = assay_pipeline::address::submit::analyse(&call.app.pipeline, item, call.paid.class()).await?;
    Ok(Reply::data(envelope::descriptor(&call.base, Kind::Analysis, &analysed.analysis)))
}
