//! `cargo xtask firmware run`: the image on this terminal.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Variant, build, folder, place, qemu, stage};
use crate::Outcome;
use crate::packages;
use crate::process;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    variant: Variant,
    config: PathBuf,
    tap: Option<String>,
}

impl Options {
    fn read(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self { variant: Variant::Full, config: folder().join("example.conf"), tap: None };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--config" => options.config = PathBuf::from(value()?),
                "--tap" => options.tap = Some(value()?.clone()),
                name => {
                    options.variant =
                        Variant::named(name).ok_or_else(|| format!("firmware run does not know `{name}`"))?;
                }
            }
        }
        Ok(options)
    }
}

/// Runs the word: on success it becomes the emulator.
pub(super) fn run(arguments: &[String]) -> Outcome {
    let options = Options::read(arguments)?;
    qemu::ensure()?;
    let image = build::image(options.variant)?;
    let config = std::path::absolute(&options.config).map_err(|error| error.to_string())?;
    let log = log_file();
    let mut words = qemu::arguments(&image, config.is_file().then_some(config.as_path()))?;
    words.extend(["-serial", "mon:stdio", "-serial"].map(str::to_owned));
    words.push(format!("file:{}", log.display()));
    let (mut command, network) = networked(&options, words);
    explain(&image, &config, &log, &network);
    Err(format!("cannot run {}: {}", qemu::PROGRAM, command.exec()))
}

/// Where the log of the image that was run last is, as it came from its line.
fn log_file() -> PathBuf {
    process::target_dir().join("firmware/log")
}

/// `cargo xtask firmware log`.
pub(super) fn log(arguments: &[String]) -> Outcome {
    let image = build::image(build::named("log", arguments)?)?;
    print!("{}", place::Names::read(&image)?.explain(&stage::decoded(&image, &log_file())?));
    Ok(())
}

/// The emulator with a network: a tap that was named, one in a namespace of its own, or QEMU's own network.
fn networked(options: &Options, words: Vec<String>) -> (Command, String) {
    let tap = |name: &str| format!("tap,ifname={name},script=no,downscript=no");
    let mut command = Command::new(qemu::PROGRAM);
    if let Some(name) = &options.tap {
        command.args(words).args(["-nic", &tap(name)]);
        return (command, format!("the tap {name}"));
    }
    if process::is_root() && packages::find("unshare").is_some() && packages::find("ip").is_some() {
        let script = "ip link set lo up && ip tuntap add dev tap0 mode tap && ip addr add 203.0.113.1/24 dev tap0 \
                      && ip addr add 2001:db8:113::1/64 dev tap0 nodad && ip link set tap0 up && exec \"$0\" \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", script, qemu::PROGRAM]).args(words).args(["-nic", &tap("tap0")]);
        let text = "tap0 in a namespace of its own, whose other end is 203.0.113.1/24 and 2001:db8:113::1/64;\n        \
                    `nsenter --net --target $(pgrep -n qemu-system-arm)` enters it";
        return (command, text.to_owned());
    }
    command.args(words).args(["-nic", "user"]);
    let text = "QEMU's own: it reaches out and is not reached, so no neighbor can dial it; as root (with `ip` and \
                `unshare`) it is a tap";
    (command, text.to_owned())
}

fn explain(image: &Path, config: &Path, log: &Path, network: &str) {
    eprintln!("xtask: image   {}", image.display());
    if config.is_file() {
        eprintln!("xtask: config  {}", config.display());
    } else {
        eprintln!("xtask: config  none: there is no {}", config.display());
    }
    eprintln!("xtask: network {network}");
    eprintln!("xtask: log     {}; `cargo xtask firmware log` reads it", log.display());
    eprintln!("xtask: Ctrl-A X ends it");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        Options::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_stand_in_any_order() {
        let options = read("--tap t7 small --config a.conf").unwrap();
        assert_eq!(
            (options.variant, options.tap.as_deref(), options.config.to_str()),
            (Variant::Small, Some("t7"), Some("a.conf"))
        );
    }

    #[test]
    fn what_is_not_known_or_lacks_its_value_is_an_error_that_names_it() {
        assert!(read("--fast").unwrap_err().contains("--fast"));
        assert!(read("--tap").unwrap_err().contains("--tap"));
    }
}
