//! Kazakhstan's calendar. Instants are UTC everywhere; a *date* on a document is the date in Almaty, as the tz database
//! has it: UTC+6 until the end of February 2024, UTC+5 after.

use chrono::{DateTime, Datelike, Duration, LocalResult, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Asia::Almaty;

/// The date on the wall in Kazakhstan at that instant.
pub fn local_date(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&Almaty).date_naive()
}

/// The year that a number taken at that instant belongs to.
pub fn local_year(at: DateTime<Utc>) -> i32 {
    local_date(at).year()
}

/// The first instant of that day in Kazakhstan. Where the clocks were once put forward at midnight, that is one o'clock.
pub fn day_start(day: NaiveDate) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    match Almaty.from_local_datetime(&midnight) {
        LocalResult::Single(start) | LocalResult::Ambiguous(start, _) => start.to_utc(),
        LocalResult::None => day_start_after_gap(midnight),
    }
}

fn day_start_after_gap(midnight: chrono::NaiveDateTime) -> DateTime<Utc> {
    let later = midnight + Duration::hours(1);
    let start = Almaty.from_local_datetime(&later).earliest();
    start.map_or_else(|| midnight.and_utc(), |start| start.to_utc())
}

/// The first instant after that day.
pub fn day_end(day: NaiveDate) -> DateTime<Utc> {
    day_start(day.succ_opt().unwrap_or(day))
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

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_year_turns_at_midnight_in_almaty() {
        let years = |before, after| (local_year(instant(before)), local_year(instant(after)));
        assert_eq!(years("2025-12-31T18:59:59Z", "2025-12-31T19:00:00Z"), (2025, 2026));
        assert_eq!(
            years("2023-12-31T17:59:59Z", "2023-12-31T18:00:00Z"),
            (2023, 2024),
            "an hour earlier then"
        );
    }

    #[test]
    fn a_day_begins_where_the_tz_database_says() {
        let cases = [
            ("2023-06-01", "2023-05-31T18:00:00Z", 24),
            ("2024-02-29", "2024-02-28T18:00:00Z", 25), // the clocks were put back at its end
            ("2024-03-01", "2024-02-29T19:00:00Z", 24),
            ("2026-11-26", "2026-11-25T19:00:00Z", 24),
            ("1982-04-01", "1982-03-31T18:00:00Z", 23), // midnight did not happen
        ];
        for (day, start, hours) in cases {
            let day: NaiveDate = day.parse().unwrap();
            assert_eq!(day_start(day), instant(start), "{day}");
            assert_eq!(day_end(day) - day_start(day), Duration::hours(hours), "{day}");
            assert_eq!(local_date(day_start(day)), day);
            assert_eq!(local_date(day_end(day) - Duration::microseconds(1)), day);
        }
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
