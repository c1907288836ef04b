//! Kazakhstan's calendar. Instants are UTC everywhere; a *date* on a document is the date in Almaty.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Utc};

/// UTC+5, one zone for the whole country since 1 March 2024.
const ALMATY_SECONDS: i32 = 5 * 3600;

/// The date on the wall in Kazakhstan at that instant.
pub fn local_date(at: DateTime<Utc>) -> NaiveDate {
    match FixedOffset::east_opt(ALMATY_SECONDS) {
        Some(almaty) => at.with_timezone(&almaty).date_naive(),
        None => at.date_naive(),
    }
}

/// The year that a number taken at that instant belongs to.
pub fn local_year(at: DateTime<Utc>) -> i32 {
    local_date(at).year()
}

/// The years a document may name: earlier ones are slips of the finger, later ones have no form that all readers share.
pub const YEARS: std::ops::RangeInclusive<i32> = 1900..=9999;

/// Whether a document may bear the date.
pub fn is_plausible(date: NaiveDate) -> bool {
    YEARS.contains(&date.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_turns_at_midnight_in_almaty() {
        let before: DateTime<Utc> = "2025-12-31T18:59:59Z".parse().unwrap();
        let after: DateTime<Utc> = "2025-12-31T19:00:00Z".parse().unwrap();
        assert_eq!((local_year(before), local_year(after)), (2025, 2026));
    }

    #[test]
    fn a_document_bears_a_year_of_four_digits_and_not_of_long_ago() {
        let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
        for (date, may) in [
            (day(1899, 12, 31), false),
            (day(1900, 1, 1), true),
            (day(9999, 12, 31), true),
            (day(10_000, 1, 1), false),
        ] {
            assert_eq!(is_plausible(date), may, "{date}");
        }
        let noon: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
        assert_eq!(local_date(noon), day(2026, 11, 21));
    }
}
