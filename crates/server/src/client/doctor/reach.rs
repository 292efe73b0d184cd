//! The way to the server: from its name to addresses, and from there to an open port.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hyper_util::client::proxy::matcher::Matcher;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::Host;

use super::finding::{Chart, Step};
use crate::client::address::Address;

/// How many addresses are tried.
const ADDRESSES: usize = 8;

/// The proxy that requests to the server go through, if any: then name, port and certificate are the proxy's affair.
pub(super) fn proxy(address: &Address) -> Option<String> {
    if address.is_loopback() {
        return None;
    }
    let uri = address.to_string().parse().ok()?;
    // Without user name and password, which `Intercept::uri` leaves out.
    Matcher::from_env().intercept(&uri).map(|through| through.uri().to_string())
}

/// The addresses behind the name.
pub(super) async fn names(address: &Address, patience: Duration, chart: &mut Chart<'_>) -> Option<Vec<SocketAddr>> {
    let (host, port) = address.place();
    let name = match host {
        Host::Ipv4(ip) => return Some(vec![SocketAddr::new(ip.into(), port)]),
        Host::Ipv6(ip) => return Some(vec![SocketAddr::new(ip.into(), port)]),
        Host::Domain(name) => name,
    };
    let mend = "Is the name spelt right? Does this machine's DNS know it (`getent hosts NAME`)? A name of an inner network \
                needs its resolver or VPN.";
    let found = match timeout(patience, lookup_host((name, port))).await {
        Err(_) => {
            chart.problem(
                Step::Name,
                format!("the name {name} was not answered for in {} s", patience.as_secs()),
                mend,
            );
            return None;
        }
        Ok(Err(error)) => {
            chart.problem(Step::Name, format!("the name {name} is not known: {error}"), mend);
            return None;
        }
        Ok(Ok(found)) => found,
    };
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for one in found.take(ADDRESSES) {
        if !addresses.contains(&one) {
            addresses.push(one);
        }
    }
    if addresses.is_empty() {
        chart.problem(Step::Name, format!("the name {name} has no address"), mend);
        return None;
    }
    tell(name, &addresses, chart);
    Some(addresses)
}

fn tell(name: &str, addresses: &[SocketAddr], chart: &mut Chart<'_>) {
    let shown: Vec<_> = addresses.iter().map(|one| one.ip().to_string()).collect();
    let shown = format!("{name} is {}", shown.join(", "));
    if addresses.iter().all(|one| needs_ipv6(one.ip())) {
        chart.warning(
            Step::Name,
            format!("{shown}: only IPv6"),
            "Clients without IPv6 cannot reach it; give the name an IPv4 address too.",
        );
    } else {
        chart.fine(Step::Name, shown);
    }
}

/// Loopback over IPv6 alone is no fault.
fn needs_ipv6(ip: IpAddr) -> bool {
    ip.is_ipv6() && !ip.is_loopback()
}

/// Knocks at every address. The first that opens.
pub(super) async fn connect(addresses: &[SocketAddr], patience: Duration, chart: &mut Chart<'_>) -> Option<SocketAddr> {
    let knocks = join_all(addresses.iter().map(|address| knock(*address, patience))).await;
    let open: Vec<_> =
        knocks.iter().filter_map(|(address, result)| result.as_ref().ok().map(|took| (address, took))).collect();
    let closed: Vec<_> = knocks
        .iter()
        .filter_map(|(address, result)| result.as_ref().err().map(|why| format!("{address}: {}", said(why, patience))))
        .collect();
    let Some((address, took)) = open.first() else {
        let mend = match &knocks[..] {
            [(_, Err(error)), ..] => mend(error),
            _ => "Is the server running?",
        };
        chart.problem(Step::Connection, format!("no connection: {}", closed.join("; ")), mend);
        return None;
    };
    if closed.is_empty() {
        chart.fine(Step::Connection, format!("{address} answers after {} ms", took.as_millis()));
    } else {
        chart.warning(
            Step::Connection,
            format!("{} of {} addresses do not answer: {}", closed.len(), knocks.len(), closed.join("; ")),
            "Clients that try one of them first wait or fail: take it out of the DNS, or open it.",
        );
    }
    Some(**address)
}

async fn knock(address: SocketAddr, patience: Duration) -> (SocketAddr, io::Result<Duration>) {
    let began = Instant::now();
    let result = match timeout(patience, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(began.elapsed()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    };
    (address, result)
}

fn said(error: &io::Error, patience: Duration) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused, nothing listens there".to_owned(),
        io::ErrorKind::TimedOut => format!("no answer in {} s", patience.as_secs()),
        _ => error.to_string(),
    }
}

fn mend(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "Is the server running (`assay serve`), and on this port? A server that listens on 127.0.0.1 is not reached from \
             other machines: `--listen 0.0.0.0:PORT --tls …`."
        }
        io::ErrorKind::TimedOut => "A firewall drops what goes there, or the machine is down.",
        _ => "Is there a route to it (VPN, network, firewall)?",
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Finding, Grade};
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    async fn knocked(addresses: &[SocketAddr]) -> (Option<SocketAddr>, Vec<Finding>) {
        let mut chart = Chart::new(Box::new(|_| ()));
        let open = connect(addresses, PATIENCE, &mut chart).await;
        (open, chart.into_findings())
    }

    fn closed() -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("its address")
    }

    #[tokio::test]
    async fn a_closed_port_asks_whether_the_server_is_running() {
        let (open, findings) = knocked(&[closed()]).await;
        assert_eq!(open, None);
        assert_eq!(findings[0].grade, Grade::Problem);
        assert!(findings[0].mend.as_deref().is_some_and(|mend| mend.contains("assay serve")), "{findings:?}");
    }

    #[tokio::test]
    async fn one_dead_address_of_two_is_a_warning_and_the_other_is_taken() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let alive = listener.local_addr().expect("its address");
        let (open, findings) = knocked(&[closed(), alive]).await;
        assert_eq!(open, Some(alive));
        assert_eq!(findings[0].grade, Grade::Warning);
        assert!(findings[0].message.starts_with("1 of 2 addresses"), "{findings:?}");
    }

    #[test]
    fn a_name_with_ipv6_addresses_alone_is_warned_of() {
        let grade = |addresses: &[&str]| {
            let addresses: Vec<_> = addresses.iter().map(|one| one.parse().expect("an address")).collect();
            let mut chart = Chart::new(Box::new(|_| ()));
            tell("host", &addresses, &mut chart);
            chart.into_findings()[0].grade
        };
        assert_eq!(grade(&["[2001:db8::1]:443"]), Grade::Warning);
        assert_eq!(grade(&["[2001:db8::1]:443", "192.0.2.1:443"]), Grade::Fine);
        assert_eq!(grade(&["[::1]:443"]), Grade::Fine);
    }

    #[tokio::test]
    async fn a_name_that_nobody_knows_is_a_problem() {
        let mut chart = Chart::new(Box::new(|_| ()));
        // RFC 6761 keeps `.invalid` free.
        let address = "https://no-such-host.invalid".parse().expect("an address");
        assert_eq!(names(&address, PATIENCE, &mut chart).await, None);
        let findings = chart.into_findings();
        assert!(findings[0].message.contains("no-such-host.invalid"), "{findings:?}");
    }
}
