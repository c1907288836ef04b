//! Where a request comes from: the connection's peer, or, when that is a proxy the operator trusts, whom the proxy
//! names. Everything to the left of the first address that no trusted proxy wrote is a client's own invention.

use super::settings::{Edge, ForwardedHeader};
use crate::state::App;
use axum::{
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Every request's, in its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Middleware.
pub async fn learn(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let address = resolve(&app.config.edge, peer.ip(), request.headers());
        request.extensions_mut().insert(ClientAddress(address));
    }
    next.run(request).await
}

/// An IPv4 address has one spelling.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// What one client can choose from freely counts as one address: of IPv6 a provider gives out networks of 64 bits.
pub fn network_of(address: IpAddr) -> IpAddr {
    match canonical(address) {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
        v4 => v4,
    }
}

pub fn is_trusted(settings: &Edge, address: IpAddr) -> bool {
    let address = canonical(address);
    settings.trusted_proxies.0.iter().any(|network| network.holds(address))
}

fn resolve(settings: &Edge, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut client = canonical(peer);
    for hop in hops(settings.forwarded_header, headers).into_iter().rev() {
        if !is_trusted(settings, client) {
            break;
        }
        match hop {
            Some(address) => client = canonical(address),
            // Hidden, or not an address: who is behind that is not known.
            None => break,
        }
    }
    client
}

/// The addresses a request went through, the nearest last.
fn hops(header: ForwardedHeader, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let name = match header {
        ForwardedHeader::XForwardedFor => "x-forwarded-for",
        ForwardedHeader::Forwarded => "forwarded",
    };
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    let elements = lines.flat_map(|line| line.split(','));
    elements
        .map(|element| match header {
            ForwardedHeader::XForwardedFor => address(element),
            ForwardedHeader::Forwarded => element.split(';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then(|| address(value))?
            }),
        })
        .collect()
}

/// With or without a port, quotes and brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.split(':').next()?.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        edge: Edge,
    }

    fn client(flags: &[&str], peer: &str, headers: &[(&'static str, &str)]) -> String {
        let settings = Line::parse_from([&["test"], flags].concat()).edge;
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        resolve(&settings, peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn nobody_is_believed_unless_named() {
        let spoofed = [("x-forwarded-for", "9.9.9.9")];
        assert_eq!(client(&[], "127.0.0.1", &spoofed), "127.0.0.1");
        assert_eq!(
            client(&["--trusted-proxies", "10.0.0.0/8"], "11.0.0.1", &spoofed),
            "11.0.0.1"
        );
    }

    #[test]
    fn the_nearest_address_that_is_no_trusted_proxy_counts() {
        let trusted = ["--trusted-proxies", "10.0.0.0/8"];
        let cases = [
            ("1.1.1.1", "1.1.1.1"),
            ("6.6.6.6, 1.1.1.1", "1.1.1.1"),
            ("6.6.6.6, 1.1.1.1, 10.0.0.9", "1.1.1.1"),
            ("1.1.1.1:4711", "1.1.1.1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("6.6.6.6, nonsense", "10.0.0.1"),
            ("", "10.0.0.1"),
        ];
        for (header, expected) in cases {
            assert_eq!(
                client(&trusted, "::ffff:10.0.0.1", &[("x-forwarded-for", header)]),
                expected,
                "{header}"
            );
        }
        let two_lines = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.1.1.1")];
        assert_eq!(client(&trusted, "10.0.0.1", &two_lines), "1.1.1.1");
    }

    #[test]
    fn only_the_header_that_was_named_is_read() {
        let trusted = ["--trusted-proxies", "10.0.0.1", "--forwarded-header", "forwarded"];
        let both = [
            ("x-forwarded-for", "6.6.6.6"),
            ("forwarded", "proto=https;for=\"[2001:db8::7]:1\""),
        ];
        assert_eq!(client(&trusted, "10.0.0.1", &both), "2001:db8::7");
        assert_eq!(client(&trusted[..2], "10.0.0.1", &both), "6.6.6.6");
    }

    #[test]
    fn of_ipv6_a_whole_network_is_one() {
        let one = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(one("2001:db8::1"), one("2001:db8::ffff:1"));
        assert_ne!(one("2001:db8::1"), one("2001:db8:0:1::1"));
        assert_eq!(one("::ffff:1.2.3.4"), one("1.2.3.4"));
        assert_ne!(one("1.2.3.4"), one("1.2.3.5"));
    }
}
