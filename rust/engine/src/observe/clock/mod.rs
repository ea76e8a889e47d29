//! The wall clock as text: what logs and `Date` fields say about now.
//!
//! A worker owns one [`Clock`] and tells it the time once per turn of its loop. Text is made again
//! only when the second changes, so a request that logs and answers copies bytes and formats
//! nothing:
//!
//! ```
//! use gateway_engine::observe::clock::Clock;
//!
//! let clock = Clock::utc(784_111_777_250);
//! assert_eq!(&clock.http_date(), b"Sun, 06 Nov 1994 08:49:37 GMT");
//! assert_eq!(&clock.time_iso8601(), b"1994-11-06T08:49:37+00:00");
//! ```
//!
//! What surprises: `http_date` is always GMT, as RFC 9110 section 5.6.7 has it, while the two log
//! formats follow the machine's zone (`TZ`, else `/etc/localtime`), as nginx's do, through changes
//! to and from summer time as well.

#[cfg(test)]
mod tests;

use std::cell::Cell;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

/// Length of an HTTP date: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub const HTTP_DATE_LEN: usize = 29;
/// Length of `$time_local`: `06/Nov/1994:08:49:37 +0000`.
pub const TIME_LOCAL_LEN: usize = 26;
/// Length of `$time_iso8601`: `1994-11-06T08:49:37+00:00`.
pub const TIME_ISO8601_LEN: usize = 25;

const DAYS: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// One worker's view of the wall clock, with its texts made once a second.
///
/// Time is injected: nothing here asks the system. Times are milliseconds since the Unix epoch.
#[derive(Debug)]
pub struct Clock {
    zone: TimeZone,
    unix_ms: Cell<u64>,
    http_date: Cell<[u8; HTTP_DATE_LEN]>,
    time_local: Cell<[u8; TIME_LOCAL_LEN]>,
    time_iso8601: Cell<[u8; TIME_ISO8601_LEN]>,
}

impl Clock {
    /// A clock whose log times are in the machine's zone.
    pub fn local(unix_ms: u64) -> Self {
        Self::in_zone(TimeZone::system(), unix_ms)
    }

    /// A clock whose log times are in UTC.
    pub fn utc(unix_ms: u64) -> Self {
        Self::in_zone(TimeZone::UTC, unix_ms)
    }

    fn in_zone(zone: TimeZone, unix_ms: u64) -> Self {
        let clock = Self {
            zone,
            unix_ms: Cell::new(unix_ms),
            http_date: Cell::new([0; HTTP_DATE_LEN]),
            time_local: Cell::new([0; TIME_LOCAL_LEN]),
            time_iso8601: Cell::new([0; TIME_ISO8601_LEN]),
        };
        clock.format(unix_ms);
        clock
    }

    /// Sets the time. Costs a division and a comparison unless the second has changed.
    ///
    /// A time before the last one is taken as given: the system's clock may be set back.
    #[inline]
    pub fn refresh(&self, unix_ms: u64) {
        let before = self.unix_ms.replace(unix_ms);
        if before / 1000 != unix_ms / 1000 {
            self.format(unix_ms);
        }
    }

    /// Milliseconds since the Unix epoch, as last refreshed.
    #[inline]
    pub fn unix_ms(&self) -> u64 {
        self.unix_ms.get()
    }

    /// The value of a `Date` field (RFC 9110 section 5.6.7).
    #[inline]
    pub fn http_date(&self) -> [u8; HTTP_DATE_LEN] {
        self.http_date.get()
    }

    /// nginx's `$time_local`, the time of the common log format.
    #[inline]
    pub fn time_local(&self) -> [u8; TIME_LOCAL_LEN] {
        self.time_local.get()
    }

    /// nginx's `$time_iso8601`.
    #[inline]
    pub fn time_iso8601(&self) -> [u8; TIME_ISO8601_LEN] {
        self.time_iso8601.get()
    }

    /// Appends nginx's `$msec`: seconds since the epoch with three decimals.
    pub fn append_msec(&self, out: &mut Vec<u8>) {
        let unix_ms = self.unix_ms.get();
        out.extend_from_slice(itoa::Buffer::new().format(unix_ms / 1000).as_bytes());
        let millis = unix_ms % 1000;
        let [tens, ones] = two_digits((millis % 100) as u8);
        out.extend_from_slice(&[b'.', b'0' + (millis / 100) as u8, tens, ones]);
    }

    #[cold]
    fn format(&self, unix_ms: u64) {
        let seconds = i64::try_from(unix_ms / 1000).unwrap_or(i64::MAX);
        let now = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        let offset = self.zone.to_offset(now);
        let local = offset.to_datetime(now);
        self.http_date.set(http_date(Offset::UTC.to_datetime(now)));
        self.time_local.set(time_local(local, offset));
        self.time_iso8601.set(time_iso8601(local, offset));
    }
}

fn http_date(utc: DateTime) -> [u8; HTTP_DATE_LEN] {
    let mut text = *b"Day, 00 Mon 0000 00:00:00 GMT";
    let day = utc.weekday().to_monday_zero_offset() as usize;
    text[..3].copy_from_slice(DAYS[day]);
    text[5..7].copy_from_slice(&two_digits(utc.day() as u8));
    text[8..11].copy_from_slice(MONTHS[utc.month() as usize - 1]);
    text[12..16].copy_from_slice(&four_digits(utc.year()));
    text[17..25].copy_from_slice(&time_of_day(utc));
    text
}

fn time_local(local: DateTime, offset: Offset) -> [u8; TIME_LOCAL_LEN] {
    let mut text = *b"00/Mon/0000:00:00:00 +0000";
    let (sign, hours, minutes) = offset_parts(offset);
    text[..2].copy_from_slice(&two_digits(local.day() as u8));
    text[3..6].copy_from_slice(MONTHS[local.month() as usize - 1]);
    text[7..11].copy_from_slice(&four_digits(local.year()));
    text[12..20].copy_from_slice(&time_of_day(local));
    text[21] = sign;
    text[22..24].copy_from_slice(&hours);
    text[24..26].copy_from_slice(&minutes);
    text
}

fn time_iso8601(local: DateTime, offset: Offset) -> [u8; TIME_ISO8601_LEN] {
    let mut text = *b"0000-00-00T00:00:00+00:00";
    let (sign, hours, minutes) = offset_parts(offset);
    text[..4].copy_from_slice(&four_digits(local.year()));
    text[5..7].copy_from_slice(&two_digits(local.month() as u8));
    text[8..10].copy_from_slice(&two_digits(local.day() as u8));
    text[11..19].copy_from_slice(&time_of_day(local));
    text[19] = sign;
    text[20..22].copy_from_slice(&hours);
    text[23..25].copy_from_slice(&minutes);
    text
}

/// `hh:mm:ss`.
fn time_of_day(at: DateTime) -> [u8; 8] {
    let mut text = *b"00:00:00";
    text[..2].copy_from_slice(&two_digits(at.hour() as u8));
    text[3..5].copy_from_slice(&two_digits(at.minute() as u8));
    text[6..].copy_from_slice(&two_digits(at.second() as u8));
    text
}

/// Sign, hours and minutes of an offset from UTC. Seconds, which only offsets of the nineteenth
/// century have, are cut off.
fn offset_parts(offset: Offset) -> (u8, [u8; 2], [u8; 2]) {
    let seconds = offset.seconds();
    let minutes = seconds.unsigned_abs() / 60;
    let sign = if seconds < 0 { b'-' } else { b'+' };
    (sign, two_digits((minutes / 60) as u8), two_digits((minutes % 60) as u8))
}

/// Years of the Unix epoch have four digits until the type's end, 9999.
fn four_digits(year: i16) -> [u8; 4] {
    let [a, b] = two_digits((year / 100) as u8);
    let [c, d] = two_digits((year % 100) as u8);
    [a, b, c, d]
}

/// `n` below 100 in two digits.
fn two_digits(n: u8) -> [u8; 2] {
    [b'0' + n / 10, b'0' + n % 10]
}
