//! Numbers: conversions as `spf13/cast` does them, arithmetic, and rows of numbers.

use super::super::arguments::{Arguments, Type};
use super::super::error::Fallible;
use super::super::machine::Machine;
use super::super::value::{Elements, Value};
use super::super::{literals, print};
use super::decimal::Decimal;
use super::{Failure, Function, Outcome};

const ANY: &[Type] = &[Type::Any];
const PAIR: &[Type] = &[Type::Any, Type::Any];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("atoi", &[Type::Text], |_, arguments| {
        let text = arguments.text(0)?;
        let text = std::str::from_utf8(text.bytes()).unwrap_or_default();
        let number = text.parse::<i64>();
        // Go gives the nearest number it has where there are too many digits.
        let is_large = number
            .as_ref()
            .is_err_and(|error| matches!(error.kind(), std::num::IntErrorKind::PosOverflow));
        let is_small = number
            .as_ref()
            .is_err_and(|error| matches!(error.kind(), std::num::IntErrorKind::NegOverflow));
        Ok(Value::int(match number {
            Ok(number) => number,
            Err(_) if is_large => i64::MAX,
            Err(_) if is_small => i64::MIN,
            Err(_) => 0,
        }))
    }),
    Function::new("int", ANY, |_, arguments| Ok(Value::int(to_int(arguments.value(0))))),
    Function::new("int64", ANY, |_, arguments| Ok(Value::int64(to_int(arguments.value(0))))),
    Function::new("float64", ANY, |_, arguments| Ok(Value::Float(to_float(arguments.value(0))))),
    Function::new("toDecimal", ANY, |machine, arguments| {
        let text = print::to_text(machine, arguments.value(0))?;
        let text = std::str::from_utf8(&text).unwrap_or_default();
        Ok(Value::int64(i64::from_str_radix(text, 8).unwrap_or(0)))
    }),
    Function::new("add1", ANY, |_, arguments| {
        Ok(Value::int64(to_int(arguments.value(0)).wrapping_add(1)))
    }),
    Function::new("add", &[], |_, arguments| {
        let sum = arguments.all().iter().map(to_int).fold(0, i64::wrapping_add);
        Ok(Value::int64(sum))
    })
    .and(Type::Any),
    Function::new("sub", PAIR, |_, arguments| {
        Ok(Value::int64(to_int(arguments.value(0)).wrapping_sub(to_int(arguments.value(1)))))
    }),
    Function::new("div", PAIR, |_, arguments| {
        let divisor = to_int(arguments.value(1));
        if divisor == 0 {
            return Err("a division by zero".into());
        }
        Ok(Value::int64(to_int(arguments.value(0)).wrapping_div(divisor)))
    }),
    Function::new("mod", PAIR, |_, arguments| {
        let divisor = to_int(arguments.value(1));
        if divisor == 0 {
            return Err("a division by zero".into());
        }
        Ok(Value::int64(to_int(arguments.value(0)).wrapping_rem(divisor)))
    }),
    Function::new("mul", ANY, |_, arguments| {
        let product = arguments.all().iter().map(to_int).fold(1, i64::wrapping_mul);
        Ok(Value::int64(product))
    })
    .and(Type::Any),
    Function::new("max", ANY, |_, arguments| extreme(&arguments, i64::max)).and(Type::Any),
    Function::new("biggest", ANY, |_, arguments| extreme(&arguments, i64::max)).and(Type::Any),
    Function::new("min", ANY, |_, arguments| extreme(&arguments, i64::min)).and(Type::Any),
    Function::new("maxf", ANY, |_, arguments| extreme_float(&arguments, f64::max)).and(Type::Any),
    Function::new("minf", ANY, |_, arguments| extreme_float(&arguments, f64::min)).and(Type::Any),
    Function::new("ceil", ANY, |_, arguments| {
        Ok(Value::Float(to_float(arguments.value(0)).ceil()))
    }),
    Function::new("floor", ANY, |_, arguments| {
        Ok(Value::Float(to_float(arguments.value(0)).floor()))
    }),
    Function::new("round", &[Type::Any, Type::Int], |_, arguments| {
        let up_from = match arguments.value(2) {
            Value::Float(from) => *from,
            _ => 0.5,
        };
        let shift = 10_f64.powf(arguments.int(1)? as f64);
        let digits = shift * to_float(arguments.value(0));
        let whole = if digits.fract() >= up_from { digits.ceil() } else { digits.floor() };
        Ok(Value::Float(whole / shift))
    })
    .and(Type::Float),
    Function::new("add1f", ANY, |_, arguments| {
        decimals(&[arguments.value(0).clone(), Value::int(1)], Decimal::add)
    }),
    Function::new("addf", &[], |_, arguments| decimals(arguments.all(), Decimal::add))
        .and(Type::Any),
    Function::new("subf", ANY, |_, arguments| decimals(arguments.all(), Decimal::subtract))
        .and(Type::Any),
    Function::new("mulf", ANY, |_, arguments| decimals(arguments.all(), Decimal::multiply))
        .and(Type::Any),
    Function::new("divf", ANY, |_, arguments| {
        if arguments.from(1).iter().any(|divisor| to_float(divisor) == 0.0) {
            return Err("a division by zero".into());
        }
        decimals(arguments.all(), Decimal::divide)
    })
    .and(Type::Any),
    Function::new("until", &[Type::Int], |machine, arguments| {
        let stop = arguments.int(0)?;
        let row = row(machine, 0, stop, if stop < 0 { -1 } else { 1 })?;
        Ok(machine.list(Elements::Ints, row)?)
    }),
    Function::new("untilStep", &[Type::Int, Type::Int, Type::Int], |machine, arguments| {
        let row = row(machine, arguments.int(0)?, arguments.int(1)?, arguments.int(2)?)?;
        Ok(machine.list(Elements::Ints, row)?)
    }),
    Function::new("seq", &[], seq).and(Type::Int),
];

/// An integer of anything; zero where it is none.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(_, number) => *number,
        Value::Float(number) => *number as i64,
        Value::Bool(flag) => i64::from(*flag),
        Value::Text(text) => {
            let text = std::str::from_utf8(text.bytes()).unwrap_or_default();
            let number = literals::number(without_zero_decimals(text)).ok();
            number
                .filter(|number| !number.looks_like_a_float)
                .and_then(|number| number.int)
                .unwrap_or(0)
        }
        _ => 0,
    }
}

/// `1.00` is 1.
fn without_zero_decimals(text: &str) -> &str {
    match text.trim_end_matches('0').strip_suffix('.') {
        Some(whole) if text.ends_with('0') => whole,
        _ => text,
    }
}

/// A float of anything; zero where it is none.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(_, number) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::Text(text) => {
            std::str::from_utf8(text.bytes()).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
        }
        _ => 0.0,
    }
}

fn extreme(arguments: &Arguments, better: fn(i64, i64) -> i64) -> Outcome {
    let numbers = arguments.all().iter().map(to_int);
    Ok(Value::int64(numbers.reduce(better).unwrap_or(0)))
}

fn extreme_float(arguments: &Arguments, better: fn(f64, f64) -> f64) -> Outcome {
    let mut numbers = arguments.all().iter().map(to_float);
    let first = numbers.next().unwrap_or(0.0);
    // What is no number wins in Go.
    Ok(Value::Float(numbers.fold(first, |best, number| {
        if best.is_nan() || number.is_nan() { f64::NAN } else { better(best, number) }
    })))
}

fn row(machine: &mut Machine<'_>, start: i64, stop: i64, step: i64) -> Fallible<Vec<Value>> {
    let ahead = if stop < start { step < 0 } else { step > 0 };
    if !ahead || start == stop {
        return Ok(Vec::new());
    }
    let count = start.abs_diff(stop).div_ceil(step.unsigned_abs());
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    machine.reserve(count.saturating_mul(size_of::<Value>()))?;
    let numbers = std::iter::successors(Some(start), |number| number.checked_add(step));
    Ok(numbers.take(count).map(Value::int).collect())
}

fn seq(machine: &mut Machine<'_>, arguments: Arguments) -> Result<Value, Failure> {
    let (start, step, end) = match arguments.len() {
        1 => (1, None, arguments.int(0)?),
        2 => (arguments.int(0)?, None, arguments.int(1)?),
        3 => (arguments.int(0)?, Some(arguments.int(1)?), arguments.int(2)?),
        _ => return Ok(machine.text("")?),
    };
    let direction = if end < start { -1 } else { 1 };
    if direction < 0 && step.is_some_and(|step| step > 0) {
        return Ok(machine.text("")?);
    }
    let stop = end.saturating_add(direction);
    let numbers = row(machine, start, stop, step.unwrap_or(direction))?;
    let mut out = Vec::new();
    for (index, number) in numbers.iter().enumerate() {
        if index > 0 {
            print::push(machine, &mut out, b" ")?;
        }
        print::plain(machine, number, &mut out)?;
    }
    Ok(machine.text(out)?)
}

/// Computes in decimals, as sprig does, so that 0.1 and 0.2 make 0.3.
fn decimals(numbers: &[Value], operation: fn(Decimal, Decimal) -> Option<Decimal>) -> Outcome {
    const FAR: &str = "its numbers have too many digits";
    let mut result = None;
    for number in numbers {
        let next = Decimal::of(to_float(number)).ok_or(FAR)?;
        result = Some(match result {
            None => next,
            Some(before) => operation(before, next).ok_or(FAR)?,
        });
    }
    Ok(Value::Float(result.map_or(0.0, Decimal::to_float)))
}
