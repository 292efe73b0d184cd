//! The contract as tests. An implementation is handed in together with three URLs that it knows.

use assay_model::url::CanonicalUrl;

use crate::{Unfinished, Web};

/// What the web must know for the suite.
#[derive(Debug, Clone)]
pub struct Sites {
    /// A page `<title>hello</title>`, answered with 200.
    pub page: CanonicalUrl,
    /// Redirects to the page.
    pub redirect: CanonicalUrl,
    /// A host whose name stands for nothing.
    pub nowhere: CanonicalUrl,
}

/// Runs the whole contract.
pub async fn run(web: &dyn Web, sites: &Sites) {
    a_page_is_fetched_whole(web, &sites.page).await;
    a_redirect_is_followed_and_every_answer_is_told(web, sites).await;
    what_cannot_be_fetched_says_why(web, &sites.nowhere).await;
}

async fn a_page_is_fetched_whole(web: &dyn Web, page: &CanonicalUrl) {
    let fetched = web.fetch(page).await;
    assert_eq!((fetched.unfinished, &*fetched.body), (None, &b"<title>hello</title>"[..]));
    let [hop] = &*fetched.hops else { panic!("{:?}", fetched.hops) };
    assert_eq!((&hop.url, hop.status), (page, 200));
    assert!(hop.address.is_some());
    assert!(hop.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
}

async fn a_redirect_is_followed_and_every_answer_is_told(web: &dyn Web, sites: &Sites) {
    let fetched = web.fetch(&sites.redirect).await;
    let urls: Vec<_> = fetched.hops.iter().map(|hop| &hop.url).collect();
    assert_eq!(urls, [&sites.redirect, &sites.page]);
    assert!((300..400).contains(&fetched.hops[0].status));
    assert_eq!((fetched.unfinished, &*fetched.body), (None, &b"<title>hello</title>"[..]));
}

async fn what_cannot_be_fetched_says_why(web: &dyn Web, nowhere: &CanonicalUrl) {
    let fetched = web.fetch(nowhere).await;
    assert_eq!((fetched.hops.len(), fetched.unfinished), (0, Some(Unfinished::NoName)));
}
