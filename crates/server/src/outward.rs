//! The ways out to what addresses name: URLs that are fetched, name servers, registries. In goes the configuration, out
//! come the seams; a mistake in it is told with its key.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use assay_extract::rdap::ANSWER_MAX;
use assay_intel::Intel;
use assay_model::account::parse_network;
use assay_model::outbound::Rules;
use assay_pipeline::{DnsLookUps, Enrich, Registrations};
use assay_web::{Browser, BrowserSettings, NameServerSettings, NameServers, Names, Policy, SystemNames, Web};

use crate::config::{Config, Switch};

/// The port of name servers.
const DNS: u16 = 53;

/// What may be called, and by what names.
pub(crate) struct Outward {
    /// The way to URLs, where they are fetched.
    pub(crate) web: Option<Arc<dyn Web>>,
    /// The browser, where pages are pictured.
    pub(crate) browser: Option<Arc<Browser>>,
    /// Who is asked about addresses.
    pub(crate) enrichers: Vec<Arc<dyn Enrich>>,
}

/// Opens what the configuration permits.
pub(crate) fn open(config: &Config, intel: &Arc<Intel>) -> anyhow::Result<Outward> {
    let servers = name_servers(config)?;
    let names: Arc<dyn Names> = match &servers {
        Some(servers) if !config.dns.servers.is_empty() => servers.clone(),
        _ => Arc::new(SystemNames),
    };
    let mut enrichers: Vec<Arc<dyn Enrich>> = Vec::new();
    if let Some(servers) = servers.filter(|_| config.dns.look_up == Switch::On) {
        enrichers.push(Arc::new(DnsLookUps(servers)));
    }
    if let Some(registrations) = registrations(config, intel, names.clone())? {
        enrichers.push(Arc::new(registrations));
    }
    Ok(Outward { web: web(config, names.clone())?, browser: browser(config, names)?, enrichers })
}

/// Those that are asked: for records, for the hosts of URLs, or for nothing.
fn name_servers(config: &Config) -> anyhow::Result<Option<Arc<NameServers>>> {
    let dns = &config.dns;
    if dns.look_up == Switch::Off && dns.servers.is_empty() {
        return Ok(None);
    }
    let mut settings = NameServerSettings { servers: Vec::new(), never: Vec::new(), patience: dns.patience };
    for server in &dns.servers {
        let address = server.parse().or_else(|_| server.parse().map(|ip: IpAddr| SocketAddr::new(ip, DNS)));
        settings.servers.push(address.map_err(|_| anyhow::anyhow!("dns.servers: {server:?} is no address"))?);
    }
    for name in &dns.never {
        settings.never.push(name.parse().map_err(|wrong| anyhow::anyhow!("dns.never: {name:?}: {wrong}"))?);
    }
    let servers = NameServers::new(settings).map_err(|wrong| anyhow::anyhow!("dns: {}", wrong.message))?;
    Ok(Some(Arc::new(servers)))
}

fn registrations(config: &Config, intel: &Arc<Intel>, names: Arc<dyn Names>) -> anyhow::Result<Option<Registrations>> {
    let rdap = &config.rdap;
    if rdap.look_up == Switch::Off {
        return Ok(None);
    }
    let nobody = rdap.server.is_empty() && config.intel.registries.is_empty();
    anyhow::ensure!(!nobody, "rdap.look_up: nobody is named whom to ask; set rdap.server or intel.registries");
    let policy = Policy {
        rules: rules("rdap.allow", &rdap.allow)?,
        ports: rdap.ports.clone(),
        body: ANSWER_MAX as u64,
        patience: rdap.patience,
        total: rdap.patience * 2,
        accept: "application/rdap+json, application/json;q=0.5".to_owned(),
        ..Policy::default()
    };
    let web = live("rdap", policy, names)?;
    let server = Some(rdap.server.clone()).filter(|server| !server.is_empty());
    Ok(Some(Registrations::new(web, intel.clone(), server, rdap.fresh)))
}

fn web(config: &Config, names: Arc<dyn Names>) -> anyhow::Result<Option<Arc<dyn Web>>> {
    let urls = &config.urls;
    if urls.fetch == Switch::Off {
        return Ok(None);
    }
    live("urls", fetching(config)?, names).map(Some)
}

/// The browser that pictures pages, which is there and can be started as far as its file says.
fn browser(config: &Config, names: Arc<dyn Names>) -> anyhow::Result<Option<Arc<Browser>>> {
    let urls = &config.urls;
    let program = &urls.screenshots;
    if program.as_os_str().is_empty() {
        return Ok(None);
    }
    anyhow::ensure!(
        urls.fetch == Switch::On,
        "urls.screenshots: only the pages of URLs that are fetched are pictured; set urls.fetch = \"on\", or leave it empty"
    );
    let there = program.is_absolute() && program.is_file();
    anyhow::ensure!(
        there && rustix::fs::access(program, rustix::fs::Access::EXEC_OK).is_ok(),
        "urls.screenshots: {} is no program; install Chromium (on Debian: apt-get install chromium) and name the whole path, \
         /usr/bin/chromium",
        program.display()
    );
    let (program, patience) = (program.clone(), urls.screenshot_patience);
    let settings = BrowserSettings { program, patience, policy: fetching(config)?, names };
    Ok(Some(Arc::new(Browser::new(settings))))
}

/// Says at the start whether the browser works here. A server without pictures is better than none.
pub(crate) async fn try_browser(browser: Arc<Browser>) {
    match browser.check().await {
        Ok(()) => tracing::info!("the pages of URLs are pictured"),
        Err(error) => {
            let mend = if rustix::process::geteuid().is_root() {
                "Chromium's sandbox does not start as root: run Assay as an ordinary user, or name a script in \
                 urls.screenshots that starts Chromium as one (docs/guide/indicators.md)"
            } else {
                "start the program of urls.screenshots by hand with --headless --screenshot=/tmp/x.png about:blank to see what \
                 it lacks (docs/guide/indicators.md)"
            };
            tracing::error!(error = &error as &dyn std::error::Error, mend, "no page will be pictured");
        }
    }
}

/// What a fetch of a URL may do, and what a page may load.
fn fetching(config: &Config) -> anyhow::Result<Policy> {
    let urls = &config.urls;
    let mut policy = Policy {
        rules: rules("urls.allow", &urls.allow)?,
        ports: urls.ports.clone(),
        redirects: urls.redirects,
        body: urls.content.as_u64(),
        patience: urls.patience,
        total: urls.total,
        ..Policy::default()
    };
    if !urls.user_agent.is_empty() {
        policy.user_agent.clone_from(&urls.user_agent);
    }
    Ok(policy)
}

fn live(section: &str, policy: Policy, names: Arc<dyn Names>) -> anyhow::Result<Arc<dyn Web>> {
    let web = assay_web::open(assay_web::Config::Live { policy, names });
    web.map_err(|wrong| anyhow::anyhow!("{section}: {}", wrong.message))
}

fn rules(key: &str, networks: &[String]) -> anyhow::Result<Rules> {
    let mut rules = Rules { allow: Vec::new(), allow_http: true };
    for network in networks {
        let network = parse_network(network).map_err(|wrong| anyhow::anyhow!("{key}: {}", wrong.message))?;
        rules.allow.push(network);
    }
    Ok(rules)
}
