//! One parser for the addresses that are accepted and those that mail is sent to, and one spelling for each: a domain may be
//! written in any script, or as what stands for it in the DNS (IDNA), and is one address all the same.

use lettre::Address;
use unicode_normalization::UnicodeNormalization;

/// Whether mail can go there.
pub fn is_address(text: &str) -> bool {
    reachable(text).is_some()
}

/// As mail servers take it: the domain as it stands in the DNS.
pub fn reachable(text: &str) -> Option<Address> {
    let address: Address = text.parse().ok()?;
    if address.domain().is_ascii() {
        return Some(address);
    }
    let domain = idna::domain_to_ascii(address.domain()).ok()?;
    Address::new(address.user(), domain).ok()
}

/// As addresses are kept, shown and looked up: lower case, what looks the same alike, the domain in its own script.
pub fn normal(text: &str) -> String {
    let text: String = text.to_lowercase().trim().nfc().collect();
    let Some((user, domain)) = text.rsplit_once('@') else {
        return text;
    };
    match idna::domain_to_unicode(domain) {
        (domain, Ok(())) => format!("{user}@{domain}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_one_in_its_script_and_in_the_dns() {
        let kept = "owner@компания.қаз";
        assert_eq!(normal("Owner@Компания.ҚАЗ"), kept);
        let sent = reachable(kept).unwrap().to_string();
        assert!(sent.is_ascii() && sent.contains("@xn--"), "{sent}");
        assert_eq!(normal(&sent), kept);
        assert_eq!(normal(" A@B.KZ "), "a@b.kz");
        assert_eq!(normal("nobody"), "nobody");
        assert!(!is_address("a@b..kz") && !is_address("nobody"));
    }
}
