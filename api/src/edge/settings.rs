//! What an operator may set about the edge: limits, time-outs, who is believed, and who may read what.

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use std::{collections::BTreeSet, net::IpAddr, str::FromStr, time::Duration};

#[derive(Clone, Args)]
pub struct Edge {
    /// Requests a minute of one client address that nobody is signed in from.
    #[arg(long, env = "RATE_LIMIT_ANONYMOUS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate_limit_anonymous: u32,
    /// Requests a minute of one user.
    #[arg(long, env = "RATE_LIMIT_USER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate_limit_user: u32,
    /// Requests a minute of a user whose organization is premium (`prometric organization premium`).
    #[arg(long, env = "RATE_LIMIT_PREMIUM", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate_limit_premium: u32,
    /// Proxies whose word on the client's address is believed: addresses or networks, with commas.
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "")]
    pub trusted_proxies: Many<Network>,
    /// The header in which they give it; what the other one says is a client's own invention.
    #[arg(long, env = "FORWARDED_HEADER", value_enum, default_value_t = ForwardedHeader::XForwardedFor)]
    pub forwarded_header: ForwardedHeader,
    /// Sites whose pages may call the API, with commas; `*` is any. Never with cookies.
    #[arg(long, env = "CORS_ORIGINS", default_value = "*")]
    pub cors_origins: Many<Origin>,
    /// What a reader of /metrics sends as bearer token. Without it only the machine itself reads them.
    #[arg(long, env = "METRICS_TOKEN", hide_env_values = true)]
    pub metrics_token: Option<String>,
    /// How long a request's head may take, from its first byte.
    #[arg(long, env = "HEADER_TIMEOUT", default_value = "10s", value_parser = crate::config::duration)]
    pub header_timeout: Duration,
    /// How long a request's body may take.
    #[arg(long, env = "BODY_TIMEOUT", default_value = "30s", value_parser = crate::config::duration)]
    pub body_timeout: Duration,
    /// How long a connection may be silent between requests, or take nothing of an answer.
    #[arg(long, env = "IDLE_TIMEOUT", default_value = "75s", value_parser = crate::config::duration)]
    pub idle_timeout: Duration,
    /// Connections open at once; further ones wait.
    #[arg(long, env = "CONNECTIONS_MAX", default_value_t = 800, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections_max: u32,
    /// The same from one address, proxies that are trusted excepted; further ones are closed at once.
    #[arg(long, env = "CONNECTIONS_PER_ADDRESS", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections_per_address: u32,
    /// Database connections for lists, details and queries, beside DATABASE_POOL.
    #[arg(long, env = "READ_POOL", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub read_pool: u32,
    /// How long one of their statements may take.
    #[arg(long, env = "READ_TIMEOUT", default_value = "5s", value_parser = crate::config::duration)]
    pub read_timeout: Duration,
    /// Reading requests of one workspace at work at once on a node; further ones wait their turn.
    #[arg(long, env = "READS_PER_WORKSPACE", default_value_t = half_the_cores(), value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub reads_per_workspace: u32,
    /// The same for writing ones, which mostly wait for the commit that they share: the more of them, the fewer commits.
    #[arg(long, env = "WRITES_PER_WORKSPACE", default_value_t = 64 * half_the_cores(), value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub writes_per_workspace: u32,
    /// How long they wait for it before they hear 429.
    #[arg(long, env = "TURN_TIMEOUT", default_value = "5s", value_parser = crate::config::duration)]
    pub turn_timeout: Duration,
}

/// One workspace's queries, each of which keeps a core busy, must leave cores to the others.
fn half_the_cores() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(cores / 2).unwrap_or(1).max(1)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

/// Values with commas between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Many<T>(pub BTreeSet<T>);

impl<T: FromStr + Ord> FromStr for Many<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        let pieces = text.split(',').map(str::trim).filter(|piece| !piece.is_empty());
        pieces.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network(IpNet);

impl Network {
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text.parse::<IpNet>().ok();
        let network = network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        network
            .map(Self)
            .ok_or_else(|| format!("`{text}` is neither an address nor a network such as 10.0.0.0/8"))
    }
}

/// `https://app.company.kz`, as a browser sends it, or `*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin(pub String);

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let host = text.split_once("://").map(|(_, host)| host);
        if text == "*" || host.is_some_and(|host| !host.is_empty() && !host.contains('/') && text.is_ascii()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(format!("`{text}` is no origin such as https://app.company.kz"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_values_stand_with_commas() {
        let networks = "10.0.0.0/8, 192.168.1.7,fd00::/8".parse::<Many<Network>>().unwrap();
        let held = |text: &str| networks.0.iter().any(|network| network.holds(text.parse().unwrap()));
        for (address, inside) in [
            ("10.1.2.3", true),
            ("192.168.1.7", true),
            ("192.168.1.8", false),
            ("fd01::1", true),
        ] {
            assert_eq!(held(address), inside, "{address}");
        }
        assert_eq!("".parse::<Many<Network>>().unwrap().0.len(), 0);
        assert!("10.0.0.0/99".parse::<Many<Network>>().is_err());
    }

    #[test]
    fn an_origin_has_a_scheme_and_no_path() {
        for good in ["*", "https://app.company.kz", "http://localhost:3000"] {
            assert!(good.parse::<Origin>().is_ok(), "{good}");
        }
        for wrong in ["app.company.kz", "https://app.company.kz/", "https://", "null"] {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong}");
        }
    }
}
