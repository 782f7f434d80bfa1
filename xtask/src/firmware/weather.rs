//! `cargo xtask firmware weather`: what a board must live through, for as long as one has patience.

use std::ffi::OsString;

use super::test::vehicles;
use crate::Outcome;
use crate::e2e;

const CASE: &str = "appliance/weather_in_qemu";

/// Runs the word.
pub(super) fn run(arguments: &[String]) -> Outcome {
    let mut variables = variables(arguments)?;
    variables.extend(vehicles()?);
    e2e::cases(Some(CASE), false, &variables)
}

/// What the case reads from its environment.
fn variables(arguments: &[String]) -> Result<Vec<(&'static str, OsString)>, String> {
    let (mut seconds, mut routes, mut seed) = (600, 100_000, None);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut number = || {
            let number = words.next().and_then(|word| word.parse::<u32>().ok());
            number.ok_or_else(|| format!("{word} takes a number"))
        };
        match word.as_str() {
            "--seconds" => seconds = number()?,
            "--routes" => routes = number()?,
            "--seed" => seed = Some(number()?),
            _ => {
                return Err(format!("firmware weather does not know `{word}`"));
            }
        }
    }
    let mut variables = vec![
        ("HOLDOVER_WEATHER_SECONDS", seconds.to_string().into()),
        ("HOLDOVER_WEATHER_ROUTES", routes.to_string().into()),
    ];
    variables.extend(seed.map(|seed| ("HOLDOVER_WEATHER_SEED", seed.to_string().into())));
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Vec<(&'static str, OsString)>, String> {
        variables(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_not_said_is_ten_minutes_and_a_hundred_thousand_routes() {
        let all = of("").unwrap();
        assert!(all.contains(&("HOLDOVER_WEATHER_SECONDS", "600".into())));
        assert!(all.contains(&("HOLDOVER_WEATHER_ROUTES", "100000".into())));
        assert_eq!(all.len(), 2);
        assert_eq!(
            of("--seconds 60 --routes 20000 --seed 7").unwrap()[2],
            ("HOLDOVER_WEATHER_SEED", "7".into())
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert!(of("--hours 1").unwrap_err().contains("`--hours`"));
        assert!(of("--seconds soon").unwrap_err().contains("--seconds takes a number"));
    }
}
