//! Numbers of documents. A schema may let any number through that Lua could hold; what is beyond
//! the type it is decoded into becomes the nearest that is not.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// Durations end here, at 31 years, so that adding one to a clock never overflows.
const MAX_SECONDS: f64 = 1e9;

/// A whole number.
pub(super) struct Whole(i64);

impl Whole {
    pub(super) fn signed(self) -> i64 {
        self.0
    }

    pub(super) fn counted(self) -> u32 {
        u32::try_from(self.0.max(0)).unwrap_or(u32::MAX)
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(Self(whole)),
            // A float cast saturates.
            (None, Some(float)) => Ok(Self(float as i64)),
            (None, None) => Err(de::Error::custom("not a number")),
        }
    }
}

pub(super) fn signed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Whole::deserialize(deserializer).map(Whole::signed)
}

pub(super) fn counted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Whole::deserialize(deserializer).map(Whole::counted)
}

pub(super) fn counted_if_any<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u32>, D::Error> {
    counted(deserializer).map(Some)
}

/// Seconds, from 0.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Ok(Duration::from_secs_f64(seconds.clamp(0.0, MAX_SECONDS)))
}

/// Seconds, from one millisecond: shorter would be no time at all.
pub(super) fn seconds_above_zero<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    Ok(seconds(deserializer)?.max(Duration::from_millis(1)))
}

/// Seconds that may be absent.
pub(super) fn seconds_if_any<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    seconds(deserializer).map(Some)
}

/// Seconds above zero that may be absent.
pub(super) fn seconds_above_zero_if_any<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    seconds_above_zero(deserializer).map(Some)
}

/// `status`: 1 in use, 0 left out.
pub(super) fn is_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(signed(deserializer)? == 1)
}
