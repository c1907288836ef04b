//! Payment terms as documents name them: `NET_30` is thirty days after the invoice's date.

/// Longer terms are taken for a slip of the finger.
pub const NET_DAYS_MAX: u32 = 1_000;

/// Days to pay when neither the customer nor a setting says otherwise.
pub const PAYMENT_DAYS: u32 = 30;

/// The days that `NET_n` names; `None` for terms in other words, which only people understand.
pub fn net_days(terms: &str) -> Option<u32> {
    let days = net(terms)?.parse().ok()?;
    (days <= NET_DAYS_MAX).then_some(days)
}

/// Whether they mean to be `NET_n` and are not.
pub fn are_misspelt(terms: &str) -> bool {
    net(terms).is_some() && net_days(terms).is_none()
}

/// What follows `NET_`, in any case and with any of the usual separators.
fn net(terms: &str) -> Option<&str> {
    let (word, rest) = terms.trim().split_at_checked(3)?;
    let days = rest.strip_prefix(['_', ' ', '-'])?;
    word.eq_ignore_ascii_case("NET").then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn net_n_names_days_and_other_words_name_none() {
        let table = [
            ("NET_30", Some(30), false),
            ("NET_0", Some(0), false),
            ("net 45", Some(45), false),
            (" Net-60 ", Some(60), false),
            ("NET_1000", Some(1_000), false),
            ("NET_1001", None, true),
            ("NET_99999999999", None, true),
            ("NET_-5", None, true),
            ("NET_", None, true),
            ("NET_thirty", None, true),
            ("NET30", None, false),
            ("PREPAID", None, false),
            ("по факту", None, false),
            ("не", None, false),
            ("", None, false),
        ];
        for (terms, days, misspelt) in table {
            assert_eq!((net_days(terms), are_misspelt(terms)), (days, misspelt), "{terms}");
        }
    }
}
